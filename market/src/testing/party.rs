//! Those who act in a simulation: wallets that sign, and researchers that show credentials.

use ed25519_consensus::SigningKey;
use galen_zk::circuit::credential::{
    Attributes, Countries, Country, Credential, CredentialPublic, CredentialWitness, Disclosed,
    ROOTS, leaf,
};
use galen_zk::circuit::edwards::JubScalar;
use galen_zk::field::{Scalar, hash_to_scalar};
use galen_zk::hash::holder;
use galen_zk::merkle::{LeafTree, Path};
use rand::Rng;
use sha2::{Digest as _, Sha256};

use super::{Simulation, eur, prover};
use crate::action::Action;
use crate::amount::Amount;
use crate::codec::{Bounded, Bytes, encode};
use crate::fee::{Fee, FeePayer};
use crate::id::{AccountId, Digest, Signature};
use crate::identity::presentation::{DAY_MS, IssuerRoot, Presentation};
use crate::identity::tree::leaf_list;
use crate::state_key;
use crate::terms::institution_attribute;
use crate::transaction::{AccountSignature, Authorization, KeySignature, Transaction};

/// A signing key, made from a name.
#[derive(Clone)]
pub struct Wallet {
    name: String,
    key: SigningKey,
}

impl Wallet {
    /// The wallet of a name: the same in every run.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let seed: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        Self { name: name.to_owned(), key: SigningKey::from(seed) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its account.
    #[must_use]
    pub fn id(&self) -> AccountId {
        AccountId(self.key.verification_key().to_bytes())
    }

    /// Signs a hash.
    #[must_use]
    pub fn sign(&self, hash: &Digest) -> Signature {
        Signature(self.key.sign(&hash.0).to_bytes())
    }
}

/// A person with a credential.
#[derive(Clone)]
pub struct Researcher {
    /// The secret that only the person knows.
    pub secret: Scalar,
    /// What the issuer vouches for.
    pub attributes: Attributes,
    issuer: Option<AccountId>,
}

impl Researcher {
    /// The researcher of a name, with all purposes and a year to go; not enrolled yet.
    ///
    /// # Panics
    /// Never: the country code is valid.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let secret = Scalar(hash_to_scalar("galen/test/researcher", &[name.as_bytes()]));
        let today = u32::try_from(super::GENESIS_MS / DAY_MS).expect("in this century");
        let attributes = Attributes {
            role: 1,
            institution: institution_attribute("A university"),
            country: Country::new("DE").expect("two capital letters"),
            purposes: 0b111_1111,
            approval: Scalar::from(42),
            expiry: today + 365,
            spare: [Scalar::from(0), Scalar::from(0)],
        };
        Self { secret, attributes, issuer: None }
    }

    /// The leaf that an issuer inserts.
    #[must_use]
    pub fn leaf(&self) -> Scalar {
        Scalar(leaf(holder(self.secret.0), &self.attributes))
    }

    pub(super) fn enrolled_with(&mut self, issuer: AccountId) {
        self.issuer = Some(issuer);
    }

    /// The issuer.
    ///
    /// # Panics
    /// When the researcher was not enrolled.
    #[must_use]
    pub fn issuer(&self) -> AccountId {
        self.issuer.expect("the researcher was enrolled")
    }

    /// Root and path in the issuer's tree as it is now.
    ///
    /// # Panics
    /// When the leaf is not there.
    #[must_use]
    pub fn path(&self, simulation: &Simulation) -> (Scalar, Path) {
        let leaves = leaf_list(&simulation.state, &self.issuer()).expect("memory does not fail");
        let index = leaves.iter().position(|leaf| *leaf == self.leaf()).expect("a live leaf");
        let leaves: Vec<_> = leaves.iter().map(|leaf| leaf.0).collect();
        let tree = LeafTree::from_leaves(&leaves).expect("no more leaves than places");
        let path = tree.path(index as u64).expect("within the tree");
        (Scalar(tree.root()), path)
    }
}

/// How a transaction is signed. [`Default`] signs nothing and pays nothing.
#[derive(Clone, Default)]
pub struct Signing<'a> {
    /// Accounts, each of which takes its next nonce.
    pub accounts: Vec<&'a Wallet>,
    /// Who pays; the first account if it is not said.
    pub payer: Option<FeePayer>,
    /// The one-time key of a deal.
    pub deal_key: Option<&'a Wallet>,
    /// Who shows a credential, and the number of this use in its scope.
    pub credential: Option<(&'a Researcher, u16)>,
    /// Root and path instead of those of the tree as it is now.
    pub path: Option<(Scalar, Path)>,
    /// Purposes to prove; all that the credential approves if it is not said.
    pub purposes: Option<u32>,
    /// Countries to prove that the holder's is one of; none if it is not said.
    pub countries: Countries,
    /// Whether the institution is shown.
    pub institution: bool,
    /// The day of the proof; that of the next block if it is not said.
    pub day: Option<u32>,
    /// The expiry; a minute after the last block if it is not said.
    pub expiry_ms: Option<u64>,
}

impl Simulation {
    /// Signs actions with accounts, the first of which pays the fee.
    #[must_use]
    pub fn sign(&mut self, actions: Vec<Action>, signers: &[&Wallet]) -> Transaction {
        let signing = Signing { accounts: signers.to_vec(), ..Signing::default() };
        self.sign_with(actions, &signing)
    }

    /// Makes and signs a transaction, with a proof if a credential is shown.
    ///
    /// # Panics
    /// When there are too many actions or accounts, nobody pays, or the credential cannot be proven.
    #[must_use]
    pub fn sign_with(&mut self, actions: Vec<Action>, signing: &Signing<'_>) -> Transaction {
        let unsigned = |wallet: &&Wallet| AccountSignature {
            account: wallet.id(),
            nonce: self.read(&state_key::nonce(&wallet.id())).unwrap_or(0),
            signature: Signature([0; 64]),
        };
        let accounts = signing.accounts.iter().map(unsigned).collect();
        let first = signing.accounts.first().map(|wallet| FeePayer::Account(wallet.id()));
        let payer = signing.payer.or(first).expect("somebody pays");
        let mut transaction = Transaction {
            chain: self.ledger.chain_id(),
            actions: Bounded::new(actions).expect("few actions"),
            expiry_ms: signing.expiry_ms.unwrap_or(self.head.time_ms + 60_000),
            fee: Fee { payer, currency: eur(), limit: Amount::new(u64::MAX) },
            authorization: Authorization {
                accounts: Bounded::new(accounts).expect("few signers"),
                deal_key: signing
                    .deal_key
                    .map(|key| KeySignature { key: key.id(), signature: Signature([0; 64]) }),
                credential: None,
            },
        };
        if let Some((researcher, j)) = signing.credential {
            let shown = self.present(&transaction, researcher, j, signing);
            transaction.authorization.credential = Some(shown);
        }
        self.resign(&mut transaction, signing);
        transaction
    }

    /// Replaces the signatures of a transaction that was changed; nonces stay.
    ///
    /// # Panics
    /// When the signers are not those of the transaction.
    pub fn resign(&self, transaction: &mut Transaction, signing: &Signing<'_>) {
        let hash = transaction.signing_hash();
        let signed = transaction
            .authorization
            .accounts
            .iter()
            .zip(&signing.accounts)
            .map(|(slot, wallet)| AccountSignature {
                signature: wallet.sign(&hash),
                ..slot.clone()
            })
            .collect();
        transaction.authorization.accounts = Bounded::new(signed).expect("as many as before");
        if let (Some(slot), Some(key)) = (&mut transaction.authorization.deal_key, signing.deal_key)
        {
            slot.signature = key.sign(&hash);
        }
    }

    /// Proves a researcher's credential for the action of a transaction that needs one.
    ///
    /// # Panics
    /// When no action needs one, or the credential does not allow it.
    #[must_use]
    pub fn present(
        &mut self,
        transaction: &Transaction,
        researcher: &Researcher,
        j: u16,
        signing: &Signing<'_>,
    ) -> Presentation {
        let mut scopes = transaction
            .actions
            .iter()
            .filter_map(|action| action.credential_scope(transaction.chain));
        let scope = scopes.next().expect("an action that shows a credential");
        let (root, path) = signing.path.clone().unwrap_or_else(|| researcher.path(self));
        let today =
            u32::try_from(self.next(super::STEP_MS).time_ms / DAY_MS).expect("this century");
        let roots = vec![IssuerRoot { issuer: researcher.issuer(), root }];
        let mut shown = Presentation {
            roots: Bounded::<_, ROOTS>::new(roots).expect("one root"),
            day: signing.day.unwrap_or(today),
            purposes: signing.purposes.unwrap_or(researcher.attributes.purposes),
            countries: signing.countries.clone(),
            disclosed: Disclosed {
                institution: signing.institution.then_some(researcher.attributes.institution),
                ..Disclosed::default()
            },
            j_limit: self.genesis.parameters.requests_per_credential,
            nullifier: Scalar::from(0),
            opening: galen_zk::circuit::credential::Opening {
                ephemeral: *self.ledger.opener(),
                ciphertext: Scalar::from(0),
            },
            proof: Bytes::default(),
        };
        let asked = shown
            .public(self.ledger.opener(), scope, &transaction.message())
            .expect("one root is named")
            .request;
        let witness = CredentialWitness {
            secret: researcher.secret,
            attributes: researcher.attributes,
            path,
            j,
            // Short, but as random as a test needs.
            randomness: JubScalar::from(self.rng.r#gen::<u128>() | 1),
        };
        let public = CredentialPublic::answer(asked, &witness).expect("the randomness is not zero");
        let proof = prover()
            .prove(&Credential::default(), &public, &witness, &mut self.rng)
            .expect("the credential allows the request");
        shown.nullifier = public.nullifier;
        shown.opening = public.opening;
        shown.proof = Bytes::new(encode(&proof)).expect("a proof has 128 bytes");
        shown
    }
}
