//! What a credential holds and what a proof about it says in public.

use std::fmt;
use std::io::{self, Read};

use ark_bn254::Fr;
use ark_ff::AdditiveGroup;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::circuit::edwards::{JubScalar, times_affine};
use crate::field::Scalar;
use crate::hash::{domain, holder, nullifier, poseidon};
use crate::merkle::Path;
use crate::point::JubPoint;
use crate::statement::Unsatisfied;

/// Roots that a proof offers; membership is in one of them, not saying which.
pub const ROOTS: usize = 16;

/// Countries that a restriction may name: more than the European Economic Area has.
pub const COUNTRIES: usize = 32;

/// Attributes of a credential.
pub const ATTRIBUTES: usize = 8;

/// A country by its two capital letters, ISO 3166-1 alpha-2.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

impl Country {
    /// Takes two capital letters. None for anything else.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let letters: [u8; 2] = text.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }

    /// The letters as a big-endian number: the attribute's value.
    #[must_use]
    pub fn value(self) -> Fr {
        Fr::from(u16::from_be_bytes(self.0))
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Country {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text).ok_or_else(|| format!("{text:?} is not a two-letter country code"))
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.to_string()
    }
}

impl BorshSerialize for Country {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&self.0)
    }
}

impl BorshDeserialize for Country {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let letters = <[u8; 2]>::deserialize_reader(reader)?;
        if !letters.iter().all(u8::is_ascii_uppercase) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a country code"));
        }
        Ok(Self(letters))
    }
}

/// Where a holder may be from: a strictly ascending list of at most [`COUNTRIES`]; none named means
/// anywhere.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, Serialize, Deserialize)]
#[serde(try_from = "Vec<Country>", into = "Vec<Country>")]
pub struct Countries(Vec<Country>);

impl Countries {
    /// Sorts and removes repeats. None if too many remain.
    #[must_use]
    pub fn new(mut countries: Vec<Country>) -> Option<Self> {
        countries.sort_unstable();
        countries.dedup();
        (countries.len() <= COUNTRIES).then_some(Self(countries))
    }

    /// The countries in ascending order; empty for anywhere.
    #[must_use]
    pub fn list(&self) -> &[Country] {
        &self.0
    }

    fn canonical(countries: Vec<Country>) -> Result<Self, &'static str> {
        if countries.len() > COUNTRIES {
            return Err("more than 32 countries");
        }
        if countries.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err("countries are not in strictly ascending order");
        }
        Ok(Self(countries))
    }
}

impl TryFrom<Vec<Country>> for Countries {
    type Error = &'static str;

    fn try_from(countries: Vec<Country>) -> Result<Self, &'static str> {
        Self::canonical(countries)
    }
}

impl From<Countries> for Vec<Country> {
    fn from(countries: Countries) -> Self {
        countries.0
    }
}

impl BorshDeserialize for Countries {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let length = u32::deserialize_reader(reader)?;
        let invalid = |text| io::Error::new(io::ErrorKind::InvalidData, text);
        if length as usize > COUNTRIES {
            return Err(invalid("more than 32 countries"));
        }
        let countries =
            (0..length).map(|_| Country::deserialize_reader(reader)).collect::<io::Result<_>>()?;
        Self::canonical(countries).map_err(invalid)
    }
}

/// What an issuer vouches for, in the order of the leaf.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Attributes {
    /// Code of the role.
    pub role: u32,
    /// Hash of the institution's name.
    pub institution: Scalar,
    /// Country of work.
    pub country: Country,
    /// Purposes of use that were approved, a bit each.
    pub purposes: u32,
    /// Id of the ethics approval. No proof can disclose it: it would name the person.
    pub approval: Scalar,
    /// First day, in days since 1970-01-01, on which the credential is no longer good.
    pub expiry: u32,
    /// For later use.
    pub spare: [Scalar; 2],
}

impl Attributes {
    /// The leaf's inputs `a_1..a_8`.
    #[must_use]
    pub fn values(&self) -> [Fr; ATTRIBUTES] {
        [
            Fr::from(self.role),
            self.institution.0,
            self.country.value(),
            Fr::from(self.purposes),
            self.approval.0,
            Fr::from(self.expiry),
            self.spare[0].0,
            self.spare[1].0,
        ]
    }
}

/// The leaf of a credential tree for a holder's public name, as [`holder`] computes it.
#[must_use]
pub fn leaf(holder: Fr, attributes: &Attributes) -> Fr {
    leaf_of_values(holder, &attributes.values())
}

pub(super) fn leaf_of_values(holder: Fr, values: &[Fr; ATTRIBUTES]) -> Fr {
    let mut inputs = [Fr::ZERO; ATTRIBUTES + 2];
    inputs[0] = domain::CRED;
    inputs[1] = holder;
    inputs[2..].copy_from_slice(values);
    poseidon(&inputs)
}

/// Attributes that a proof shows. There is no place for the ethics approval, here or in the
/// circuit.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
pub struct Disclosed {
    /// See [`Attributes::role`].
    pub role: Option<u32>,
    /// See [`Attributes::institution`].
    pub institution: Option<Scalar>,
    /// See [`Attributes::country`].
    pub country: Option<Country>,
    /// See [`Attributes::purposes`].
    pub purposes: Option<u32>,
    /// See [`Attributes::expiry`].
    pub expiry: Option<u32>,
    /// See [`Attributes::spare`].
    pub spare: [Option<Scalar>; 2],
}

/// Positions in the leaf of what [`Disclosed::values`] lists: all but the ethics approval.
pub(super) const DISCLOSABLE: [usize; ATTRIBUTES - 1] = [0, 1, 2, 3, 5, 6, 7];

impl Disclosed {
    /// The shown values in the order of [`DISCLOSABLE`].
    pub(super) fn values(&self) -> [Option<Fr>; ATTRIBUTES - 1] {
        [
            self.role.map(Fr::from),
            self.institution.map(|value| value.0),
            self.country.map(Country::value),
            self.purposes.map(Fr::from),
            self.expiry.map(Fr::from),
            self.spare[0].map(|value| value.0),
            self.spare[1].map(|value| value.0),
        ]
    }
}

/// What a proof is asked to show: the part of the public values that the verifier fixes or checks
/// against its own rules.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CredentialRequest {
    /// Accepted roots, of any issuers' trees and of any age that the verifier admits; repeat one to
    /// fill the list.
    pub roots: [Scalar; ROOTS],
    /// The key to which the holder's name is encrypted.
    pub opener: JubPoint,
    /// The day, in days since 1970-01-01, on which the credential must be good.
    pub day: u32,
    /// Purposes that must all be among the approved ones.
    pub purposes: u32,
    /// Countries of which the holder's must be one.
    pub countries: Countries,
    /// Attributes shown.
    pub disclosed: Disclosed,
    /// Uses are counted within a scope; those of two scopes cannot be linked.
    pub scope: Scalar,
    /// Uses that each secret has in the scope.
    pub j_limit: u16,
    /// Hash of what the proof authorises.
    pub message: Scalar,
}

/// An encryption of the holder's name to the opener's key.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Opening {
    /// `R = r·G`.
    pub ephemeral: JubPoint,
    /// The name under the pad `Poseidon(OPENER, S.x, S.y, message)`, `S = r·opener`. The message is
    /// part of the pad, so that a ciphertext moved into another proof opens to nothing.
    pub ciphertext: Scalar,
}

/// What both sides know.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CredentialPublic {
    /// What was asked.
    pub request: CredentialRequest,
    /// `Poseidon(NULL, secret, scope, j)`.
    pub nullifier: Scalar,
    /// For the opener.
    pub opening: Opening,
}

/// What the holder knows.
#[derive(Clone)]
pub struct CredentialWitness {
    /// The holder's secret, known to nobody else.
    pub secret: Scalar,
    /// What the issuer vouched for.
    pub attributes: Attributes,
    /// The leaf's place under one of the roots.
    pub path: Path,
    /// Which of the uses in the scope this is, from 0.
    pub j: u16,
    /// `r`, drawn once for this proof.
    pub randomness: JubScalar,
}

pub(super) fn pad(shared: (Fr, Fr), message: Fr) -> Fr {
    poseidon(&[domain::OPENER, shared.0, shared.1, message])
}

impl CredentialPublic {
    /// The public values that answer a request: fills in nullifier and encryption. Whether the
    /// credential satisfies the request is for the statement's check to say.
    ///
    /// # Errors
    /// When the encryption's randomness is 0.
    pub fn answer(
        request: CredentialRequest,
        witness: &CredentialWitness,
    ) -> Result<Self, Unsatisfied> {
        let shared = times_affine(request.opener.affine(), &witness.randomness);
        let opening = Opening {
            ephemeral: JubPoint::generator()
                .times(&witness.randomness)
                .map_err(|_| Unsatisfied("the encryption's randomness is 0".into()))?,
            ciphertext: Scalar(holder(witness.secret.0) + pad(shared, request.message.0)),
        };
        let nullifier = Scalar(nullifier(witness.secret.0, request.scope.0, u64::from(witness.j)));
        Ok(Self { request, nullifier, opening })
    }

    /// The holder's name, found with the opener's secret key. A wrong secret gives a name that no
    /// leaf contains.
    #[must_use]
    pub fn open(&self, opener_secret: &JubScalar) -> Scalar {
        let shared = times_affine(self.opening.ephemeral.affine(), opener_secret);
        Scalar(self.opening.ciphertext.0 - pad(shared, self.request.message.0))
    }
}
