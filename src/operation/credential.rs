//! Credentials of researchers: applied for in a file, approved or refused by an issuer, kept by the
//! holder, revoked. The ledger sees a leaf, which is a hash; what is behind it stays with issuer and
//! holder.

use std::path::{Path, PathBuf};

use galen_dataset::schema::Kind;
use galen_market::action::{Action, InsertCredentials, RevokeCredentials};
use galen_market::codec::Bounded;
use galen_market::id::{AccountId, ChainId, Digest};
use galen_market::identity::presentation::DAY_MS;
use galen_market::terms::{ETHICS_BIT, NONPROFIT_BIT, PurposeKind, institution_attribute};
use galen_zk::circuit::credential::{Attributes, Country, leaf};
use galen_zk::field::{Scalar, hash_to_scalar};
use galen_zk::hash::holder;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Exit, Failure};
use crate::session::{Done, Session, account_of};
use crate::wallet::Wallet;
use crate::wallet::derive::AccountKey;
use crate::wallet::file;

const APPLICATION: &str = "galen-application/1";
const CREDENTIAL: &str = "galen-credential/1";
const MAX_FILE_BYTES: u64 = 64 << 10;
const MAX_REGISTER_BYTES: u64 = 256 << 20;
/// The longest life of a credential.
const MAX_DAYS: u32 = 5 * 366;
/// A person uses one secret for all issuers.
pub const HOLDER_INDEX: u32 = 0;

/// What a researcher is, as a code in the credential.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Position {
    /// A researcher.
    Researcher = 1,
    /// A physician who does research.
    Clinician = 2,
    /// A student under supervision.
    Student = 3,
}

/// What an issuer may approve, a bit each, as a person writes it. The ethics approval has a field of
/// its own in an application.
const APPROVED: [(&str, u32); 7] = [
    ("general", PurposeKind::General.bit()),
    ("health", PurposeKind::Health.bit()),
    ("disease", PurposeKind::Disease.bit()),
    ("ancestry", PurposeKind::Ancestry.bit()),
    ("clinical_care", PurposeKind::ClinicalCare.bit()),
    ("nonprofit", NONPROFIT_BIT),
    ("ethics", ETHICS_BIT),
];

/// Purposes of use as a person writes them.
///
/// # Errors
/// A word that is none of them.
pub fn purposes(words: &[String]) -> Result<u32, Failure> {
    let wished = APPROVED.iter().filter(|(_, bit)| *bit != ETHICS_BIT);
    words.iter().try_fold(0u32, |bits, word| {
        let known = wished.clone().find(|(known, _)| known == word);
        let (_, bit) = known.ok_or_else(|| {
            let words: Vec<_> = wished.clone().map(|(known, _)| *known).collect();
            Failure::usage(format!("`{word}` is not a purpose"))
                .remedy(format!("use {}, apart by commas", words.join(", ")))
        })?;
        Ok(bits | bit)
    })
}

/// What a credential approves, in words.
pub fn purpose_words(bits: u32) -> String {
    let named = APPROVED.iter().filter(|(_, bit)| bits & bit != 0).map(|(word, _)| *word);
    named.collect::<Vec<_>>().join(", ")
}

/// A day as days since 1970.
///
/// # Errors
/// A text that is not a day.
pub fn day(text: &str) -> Result<u32, Failure> {
    Kind::Date.parse(text).and_then(|days| u32::try_from(days).ok()).ok_or_else(|| {
        Failure::usage(format!("`{text}` is not a day")).remedy("write it as 2026-12-31")
    })
}

/// A day in words.
pub fn day_text(days: u32) -> String {
    Kind::Date.render(i64::from(days)).unwrap_or_else(|| format!("day {days}"))
}

/// What a researcher sends to an issuer, over a channel that both trust.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    format: String,
    /// For which ledger.
    pub chain: ChainId,
    /// To whom.
    pub issuer: AccountId,
    /// The holder's public name: a hash of a secret that stays in the wallet.
    pub holder: Scalar,
    /// Position.
    pub position: Position,
    /// Where the researcher works.
    pub institution: String,
    /// In which country.
    pub country: Country,
    /// Purposes of use asked for.
    pub purposes: Vec<String>,
    /// Number of the ethics approval, if there is one; hashed into the credential, and shown by no proof.
    /// That there is one can be proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// First day on which the credential is no longer good.
    pub expiry: String,
    /// SHA-256 of the evidence that goes with the application.
    pub evidence: Digest,
}

/// What a researcher asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wish {
    /// See [`Application`].
    pub position: Position,
    /// See [`Application`].
    pub institution: String,
    /// See [`Application`].
    pub country: Country,
    /// See [`Application`].
    pub purposes: Vec<String>,
    /// See [`Application`].
    pub approval: Option<String>,
    /// See [`Application`].
    pub expiry: String,
    /// See [`Application`].
    pub evidence: Digest,
}

/// The credential as its holder keeps it. Worthless without the holder's secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    format: String,
    /// Of which ledger.
    pub chain: ChainId,
    /// Who vouches.
    pub issuer: AccountId,
    /// The holder's public name.
    pub holder: Scalar,
    /// What is vouched for.
    pub attributes: Attributes,
    /// The leaf's place in the issuer's tree.
    pub place: u64,
}

impl Credential {
    /// The leaf.
    pub fn leaf(&self) -> Scalar {
        Scalar(leaf(self.holder.0, &self.attributes))
    }
}

/// A holder's public name.
pub fn holder_of(wallet: &Wallet) -> Scalar {
    Scalar(holder(*wallet.credential(HOLDER_INDEX)))
}

/// A researcher's application to an issuer.
///
/// # Errors
/// A purpose or a day that is none.
pub fn apply(
    wallet: &Wallet,
    chain: ChainId,
    issuer: AccountId,
    wish: Wish,
) -> Result<Application, Failure> {
    let Wish { position, institution, country, purposes: words, approval, expiry, evidence } = wish;
    purposes(&words)?;
    day(&expiry)?;
    let format = APPLICATION.to_owned();
    let (holder, purposes) = (holder_of(wallet), words);
    Ok(Application {
        format,
        chain,
        issuer,
        holder,
        position,
        institution,
        country,
        purposes,
        approval,
        expiry,
        evidence,
    })
}

impl Application {
    /// The attributes that a credential for it holds.
    ///
    /// # Errors
    /// A purpose or a day that is none, an empty field, an expiry that has passed or is too far.
    pub fn attributes(&self, today: u32) -> Result<Attributes, Failure> {
        let refuse = |what: String| {
            Failure::new(Exit::Input, "issuer.application", what)
                .remedy("refuse it, or ask the researcher for another one")
        };
        let (purposes, expiry) = (purposes(&self.purposes)?, day(&self.expiry)?);
        if purposes == 0 {
            return Err(refuse("the application names no purpose".to_owned()));
        }
        let approval = self.approval.as_deref().map(str::trim);
        if self.institution.trim().is_empty() || approval.is_some_and(str::is_empty) {
            return Err(refuse(
                "the application names no institution, or an ethics approval without a number"
                    .to_owned(),
            ));
        }
        if self.evidence.0 == [0; 32] {
            return Err(refuse("the application comes without evidence".to_owned()));
        }
        if expiry <= today || expiry > today.saturating_add(MAX_DAYS) {
            let last = day_text(today.saturating_add(MAX_DAYS));
            return Err(refuse(format!(
                "the credential would end on {}: it must be after today and by {last}",
                self.expiry
            )));
        }
        let zero = Scalar::from(0);
        Ok(Attributes {
            role: self.position as u32,
            institution: institution_attribute(&self.institution),
            country: self.country,
            purposes: approval.map_or(purposes, |_| purposes | ETHICS_BIT),
            approval: approval.map_or(zero, |number| {
                Scalar(hash_to_scalar("galen/approval", &[number.as_bytes()]))
            }),
            expiry,
            spare: [zero, zero],
        })
    }
}

/// What an issuer decided, kept by the issuer only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// What was applied for.
    pub application: Application,
    /// The leaf, if it was approved.
    pub leaf: Option<Scalar>,
    /// Its place.
    pub place: Option<u64>,
    /// Why it was refused, if it was.
    pub refused: Option<String>,
}

/// An issuer's register: who is behind each leaf. Private.
#[derive(Debug)]
pub struct Register {
    path: PathBuf,
    /// Decisions in order.
    pub entries: Vec<Entry>,
}

impl Register {
    /// The register of an issuer's account.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(home: &Path, issuer: &AccountId) -> Result<Self, Failure> {
        let path = home.join("issuer").join(format!("{issuer}.json"));
        let entries = if path.try_exists().map_err(|error| Failure::file(&path, &error))? {
            read_json(&path, MAX_REGISTER_BYTES)?
        } else {
            Vec::new()
        };
        Ok(Self { path, entries })
    }

    fn add(&mut self, entry: Entry) -> Result<(), Failure> {
        self.entries.push(entry);
        let folder = super::prepare::above(&self.path);
        file::private_directory(&folder).map_err(|error| Failure::file(&folder, &error))?;
        write_json(&self.path, &self.entries, true)
    }
}

/// Approves an application: the leaf goes into the tree, unless an earlier run put it there, and the
/// credential is returned; none if it was only tried.
///
/// # Errors
/// An application that is not to be approved, a holder who has a live credential already, or what the
/// ledger refuses.
pub fn approve(
    session: &Session,
    key: &AccountKey,
    application: &Application,
    register: &mut Register,
) -> Result<(Option<Done>, Option<Credential>), Failure> {
    let issuer = account_of(key);
    if application.issuer != issuer || application.chain != session.chain() {
        return Err(Failure::new(
            Exit::Input,
            "issuer.other",
            "the application is to another issuer or for another ledger",
        )
        .remedy("use the wallet of the issuer that it names"));
    }
    let today = u32::try_from(session.status()?.clock_ms / DAY_MS).unwrap_or(u32::MAX);
    let attributes = application.attributes(today)?;
    let leaf = Scalar(leaf(application.holder.0, &attributes));
    let place_of =
        |leaves: &[Scalar]| (0u64..).zip(leaves).find(|(_, l)| **l == leaf).map(|(place, _)| place);
    let (_, leaves) = session.client().leaves(&issuer)?;
    let other = register.entries.iter().find(|entry| {
        entry.application.holder == application.holder
            && entry.leaf.is_some_and(|theirs| theirs != leaf && leaves.contains(&theirs))
    });
    if let Some(entry) = other {
        return Err(Failure::new(
            Exit::Input,
            "issuer.has_one",
            format!(
                "this holder has a live credential, in place {}",
                entry.place.unwrap_or_default()
            ),
        )
        .remedy("a person has one live leaf: revoke that one first"));
    }
    let mut done = None;
    let place = match place_of(&leaves) {
        Some(place) => place,
        None => {
            let leaves =
                Bounded::new(vec![leaf]).map_err(|error| Failure::usage(error.to_string()))?;
            let inserted = session.transact(
                vec![Action::InsertCredentials(InsertCredentials { issuer, leaves })],
                &[key],
            )?;
            if inserted.is_dry_run() {
                return Ok((Some(inserted), None));
            }
            done = Some(inserted);
            let (_, leaves) = session.client().leaves(&issuer)?;
            place_of(&leaves).ok_or_else(|| {
                Failure::new(
                    Exit::Failure,
                    "issuer.leaf_missing",
                    "the leaf is not in the list that the node gives",
                )
                .remedy("repeat the command; the node may be behind")
            })?
        }
    };
    if session.is_dry_run() {
        return Ok((done, None));
    }
    if !register.entries.iter().any(|entry| entry.leaf == Some(leaf)) {
        register.add(Entry {
            application: application.clone(),
            leaf: Some(leaf),
            place: Some(place),
            refused: None,
        })?;
    }
    let credential = Credential {
        format: CREDENTIAL.to_owned(),
        chain: session.chain(),
        issuer,
        holder: application.holder,
        attributes,
        place,
    };
    Ok((done, Some(credential)))
}

/// Writes a refusal into the register. The ledger is not told.
///
/// # Errors
/// When the register cannot be written.
pub fn refuse(
    register: &mut Register,
    application: &Application,
    reason: &str,
) -> Result<(), Failure> {
    register.add(Entry {
        application: application.clone(),
        leaf: None,
        place: None,
        refused: Some(reason.to_owned()),
    })
}

/// Marks leaves for revocation at the ledger's next epoch.
///
/// # Errors
/// More places than one action takes.
pub fn revoke(issuer: AccountId, places: Vec<u64>) -> Result<Action, Failure> {
    let places =
        Bounded::new(places).map_err(|error| Failure::usage(format!("places: {error}")))?;
    Ok(Action::RevokeCredentials(RevokeCredentials { issuer, places }))
}

/// Checks a credential that an issuer made: that it is this wallet's, and that its leaf is in the
/// issuer's tree.
///
/// # Errors
/// When it is not.
pub fn check(session: &Session, wallet: &Wallet, credential: &Credential) -> Result<(), Failure> {
    let refuse = |code: &'static str, what: &str, remedy: &str| {
        Err(Failure::new(Exit::Input, code, what).remedy(remedy))
    };
    if credential.chain != session.chain() {
        return refuse(
            "credential.other_ledger",
            "the credential is for another ledger",
            "use a node of the ledger that it names",
        );
    }
    if credential.holder != holder_of(wallet) {
        return refuse(
            "credential.other_holder",
            "the credential is another person's",
            "use the wallet that applied for it",
        );
    }
    let (_, leaves) = session.client().leaves(&credential.issuer)?;
    let there = usize::try_from(credential.place).ok().and_then(|place| leaves.get(place));
    if there != Some(&credential.leaf()) {
        return refuse(
            "credential.not_listed",
            "the issuer's tree does not hold this credential in the place that it names: it was revoked, or the file was changed",
            "ask the issuer for the file again, or for a new credential",
        );
    }
    Ok(())
}

/// Makes the credential of an application again: its attributes follow from the application, its holder
/// from the wallet, and its place from the issuer's public leaf list, the whole of which is fetched.
///
/// # Errors
/// When the application is not this wallet's or this ledger's, or the issuer's list holds no such leaf.
pub fn recover(
    session: &Session,
    wallet: &Wallet,
    application: &Application,
) -> Result<Credential, Failure> {
    let holder = holder_of(wallet);
    if application.holder != holder || application.chain != session.chain() {
        return Err(Failure::new(
            Exit::Input,
            "credential.other_holder",
            "the application is of another wallet or for another ledger",
        )
        .remedy("write it anew with `galen issuer apply`"));
    }
    let today = u32::try_from(session.status()?.clock_ms / DAY_MS).unwrap_or(u32::MAX);
    let attributes = application.attributes(today)?;
    let mut credential = Credential {
        format: CREDENTIAL.to_owned(),
        chain: session.chain(),
        issuer: application.issuer,
        holder,
        attributes,
        place: 0,
    };
    let (_, leaves) = session.client().leaves(&application.issuer)?;
    let place = (0u64..).zip(&leaves).find(|(_, leaf)| **leaf == credential.leaf());
    let (place, _) = place.ok_or_else(|| {
        Failure::new(
            Exit::Input,
            "credential.not_listed",
            "the issuer lists no credential for exactly this application: a field is another than it was, or it was revoked",
        )
        .remedy("write the application as it was, word for word, or ask the issuer for the file")
    })?;
    credential.place = place;
    Ok(credential)
}

/// Where a holder keeps credentials.
pub fn folder(home: &Path) -> PathBuf {
    home.join("credentials")
}

/// Keeps a credential in the holder's home directory.
///
/// # Errors
/// When it cannot be written.
pub fn keep(home: &Path, credential: &Credential) -> Result<PathBuf, Failure> {
    let folder = folder(home);
    file::private_directory(&folder).map_err(|error| Failure::file(&folder, &error))?;
    let path = folder.join(format!("{}.json", hex::encode(credential.leaf().to_bytes())));
    write_json(&path, credential, true)?;
    Ok(path)
}

/// The credentials of a home directory for a ledger.
///
/// # Errors
/// When one cannot be read.
pub fn kept(home: &Path, chain: ChainId) -> Result<Vec<Credential>, Failure> {
    let folder = folder(home);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::file(&folder, &error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Failure::file(&folder, &error))?.path();
        if path.extension().is_some_and(|end| end == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    let all = paths.iter().map(|path| credential_file(path)).collect::<Result<Vec<_>, _>>()?;
    Ok(all.into_iter().filter(|credential| credential.chain == chain).collect())
}

/// Reads a credential file.
///
/// # Errors
/// When it is not one.
pub fn credential_file(path: &Path) -> Result<Credential, Failure> {
    let credential: Credential = read_json(path, MAX_FILE_BYTES)?;
    if credential.format != CREDENTIAL {
        return Err(Failure::input(path, format!("is not a {CREDENTIAL}")));
    }
    Ok(credential)
}

/// Reads an application file.
///
/// # Errors
/// When it is not one.
pub fn application_file(path: &Path) -> Result<Application, Failure> {
    let application: Application = read_json(path, MAX_FILE_BYTES)?;
    if application.format != APPLICATION {
        return Err(Failure::input(path, format!("is not a {APPLICATION}")));
    }
    Ok(application)
}

/// Writes a file of this module, readable by its owner only.
///
/// # Errors
/// When it exists (unless `replace`) or cannot be written.
pub fn write_json<T: Serialize>(path: &Path, value: &T, replace: bool) -> Result<(), Failure> {
    let bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| Failure::new(Exit::Failure, "file.json", error.to_string()))?;
    let written = if replace { file::replace(path, &bytes) } else { file::create(path, &bytes) };
    written.map_err(|error| Failure::file(path, &error))
}

fn read_json<T: DeserializeOwned>(path: &Path, limit: u64) -> Result<T, Failure> {
    let bytes = file::read_bounded(path, limit).map_err(|error| Failure::file(path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::input(path, error).remedy("ask for the file again, and use it as it was written")
    })
}
