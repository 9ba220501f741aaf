//! Credentials of researchers: applied for in a file, approved or refused by an issuer, kept by the
//! holder, revoked. The ledger sees a leaf, which is a hash; what is behind it stays with issuer and
//! holder.

use std::path::{Path, PathBuf};

use galen_dataset::schema::Kind;
use galen_market::action::{Action, InsertCredentials, RevokeCredentials};
use galen_market::codec::Bounded;
use galen_market::id::{AccountId, ChainId, Digest};
use galen_market::identity::presentation::DAY_MS;
use galen_market::terms::duo::NPU_BIT;
use galen_market::terms::{Purpose, PurposeKind};
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

/// Purposes of use as a person writes them.
///
/// # Errors
/// A word that is not `general`, `health`, `disease` or `nonprofit`.
pub fn purposes(words: &[String]) -> Result<u32, Failure> {
    words.iter().try_fold(0u32, |bits, word| {
        let bit = match word.as_str() {
            "general" => PurposeKind::General.bit(),
            "health" => PurposeKind::Health.bit(),
            "disease" => PurposeKind::Disease.bit(),
            "nonprofit" => NPU_BIT,
            _ => {
                return Err(Failure::usage(format!("`{word}` is not a purpose"))
                    .remedy("use general, health, disease and nonprofit, apart by commas"));
            }
        };
        Ok(bits | u32::try_from(u64::from(bit)).unwrap_or(0))
    })
}

/// Purposes of use in words.
pub fn purpose_words(bits: u32) -> String {
    let all = [
        (u64::from(PurposeKind::General.bit()), "general"),
        (u64::from(PurposeKind::Health.bit()), "health"),
        (u64::from(PurposeKind::Disease.bit()), "disease"),
        (u64::from(NPU_BIT), "nonprofit"),
    ];
    let named = all.iter().filter(|(bit, _)| u64::from(bits) & bit != 0).map(|(_, word)| *word);
    named.collect::<Vec<_>>().join(", ")
}

/// A purpose in words.
pub fn purpose_of(purpose: &Purpose) -> String {
    let kind = purpose_words(purpose.kind.bit());
    match purpose.disease {
        Some(disease) => format!("research: {kind} {disease}"),
        None => format!("research: {kind}"),
    }
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
    /// Number of the ethics approval; hashed into the credential, and shown by no proof.
    pub approval: String,
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
    pub approval: String,
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
        if self.institution.trim().is_empty() || self.approval.trim().is_empty() {
            return Err(refuse(
                "the application lacks the institution or the ethics approval".to_owned(),
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
            institution: Scalar(hash_to_scalar(
                "galen/institution",
                &[self.institution.trim().as_bytes()],
            )),
            country: self.country,
            purposes,
            approval: Scalar(hash_to_scalar("galen/approval", &[self.approval.trim().as_bytes()])),
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
