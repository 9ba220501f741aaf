//! Showing a credential: the proof that some live credential of some issuer covers what an action asks
//! for, without saying whose. Depends on the session, for the issuers' public lists, and on the wallet.

use galen_market::codec::{Bounded, Bytes};
use galen_market::identity::Standing;
use galen_market::identity::presentation::{DAY_MS, IssuerRoot, Presentation, message_scalar};
use galen_market::terms::Required;
use galen_market::transaction::Transaction;
use galen_zk::circuit::credential::{
    Credential, CredentialPublic, CredentialRequest, CredentialWitness, Disclosed, ROOTS, leaf,
};
use galen_zk::field::Scalar;
use galen_zk::hash::holder;
use galen_zk::keys::Prover;
use galen_zk::merkle::LeafTree;
use rand::rngs::OsRng;

use super::credential::{Credential as HeldCredential, HOLDER_INDEX};
use crate::error::{Exit, Failure};
use crate::session::Session;
use crate::wallet::Wallet;

/// One attempt to show a credential.
pub(crate) struct Shown<'a> {
    /// The ledger.
    pub session: &'a Session,
    /// Whose secret it is.
    pub wallet: &'a Wallet,
    /// Makes the proof.
    pub prover: &'a Prover,
    /// The credential.
    pub credential: &'a HeldCredential,
    /// What uses are counted in.
    pub scope: Scalar,
    /// What is to be proven.
    pub required: &'a Required,
    /// Number of the use.
    pub j: u16,
}

/// The day of the ledger's last block, since 1970.
///
/// # Errors
/// When the node cannot be reached.
pub(crate) fn today(session: &Session) -> Result<u32, Failure> {
    Ok(u32::try_from(session.status()?.time_ms / DAY_MS).unwrap_or(u32::MAX))
}

impl Shown<'_> {
    /// Tries with one use of the credential after the other, from this one, until one is unused: an
    /// earlier transaction, perhaps from another machine, may have taken some.
    pub(crate) fn each_use<T>(
        mut self,
        mut attempt: impl FnMut(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let last = self.session.parameters().requests_per_credential.saturating_sub(1);
        loop {
            match attempt(&self) {
                Err(failure) if failure.code() == "ledger.nullifier_used" && self.j < last => {
                    self.j += 1;
                }
                done => return done,
            }
        }
    }

    /// The presentation for a transaction, whose message is complete by now.
    ///
    /// # Errors
    /// When the credential is not listed any more, or does not prove what is required.
    pub(crate) fn present(&self, transaction: &Transaction) -> Result<Presentation, Failure> {
        let (held, required) = (self.credential, self.required);
        let secret = Scalar(*self.wallet.credential(HOLDER_INDEX));
        let day = today(self.session)?;
        let disclosed = Disclosed {
            institution: required.institution.then_some(held.attributes.institution),
            ..Disclosed::default()
        };
        let own = leaf(holder(secret.0), &held.attributes);
        let (root, leaves) = self.session.client().leaves(&held.issuer)?;
        let place = leaves.iter().position(|leaf| leaf.0 == own).ok_or_else(|| {
            Failure::new(
                Exit::RefusedPurchase,
                "credential.not_listed",
                format!(
                    "the issuer {} lists no such credential: it was revoked, or never inserted",
                    held.issuer
                ),
            )
            .remedy("ask the issuer, or use another credential")
        })?;
        let leaves: Vec<_> = leaves.iter().map(|leaf| leaf.0).collect();
        let tree = LeafTree::from_leaves(&leaves).filter(|tree| tree.root() == root.0).ok_or_else(
            || {
                Failure::new(
                    Exit::Failure,
                    "node.answer",
                    "the issuer's leaves do not give its root",
                )
            },
        )?;
        let path = tree.path(place as u64).ok_or_else(|| {
            Failure::new(Exit::Failure, "node.answer", "the issuer's list is too long")
        })?;
        let roots = self.roots(IssuerRoot { issuer: held.issuer, root })?;
        let last = roots.last().map_or(root, |named| named.root);
        let mut list = [last; ROOTS];
        for (place, named) in list.iter_mut().zip(&roots) {
            *place = named.root;
        }
        let request = CredentialRequest {
            roots: list,
            opener: self.session.genesis().opener,
            day,
            purposes: required.purposes,
            countries: required.countries.clone(),
            disclosed,
            scope: self.scope,
            j_limit: self.session.parameters().requests_per_credential,
            message: message_scalar(&transaction.message()),
        };
        let witness = CredentialWitness {
            secret,
            attributes: held.attributes,
            path,
            j: self.j,
            randomness: ark_ff::UniformRand::rand(&mut OsRng),
        };
        let refused = |what: String| {
            Failure::new(Exit::RefusedProof, "credential.unproven", what)
                .remedy("check that the credential is yours and covers what you ask for")
        };
        let public = CredentialPublic::answer(request, &witness)
            .map_err(|error| refused(error.to_string()))?;
        let proof = self
            .prover
            .prove(&Credential::default(), &public, &witness, &mut OsRng)
            .map_err(|error| refused(error.to_string()))?;
        let bytes = borsh::to_vec(&proof).map_err(|error| refused(error.to_string()))?;
        Ok(Presentation {
            roots,
            day,
            purposes: required.purposes,
            countries: required.countries.clone(),
            disclosed,
            j_limit: public.request.j_limit,
            nullifier: public.nullifier,
            opening: public.opening,
            proof: Bytes::new(bytes).map_err(|_| refused("the proof is too long".to_owned()))?,
        })
    }

    /// The own issuer's root among those of up to fifteen others, in an order that tells nothing: the
    /// more issuers are offered, the less the proof says about its holder.
    fn roots(&self, own: IssuerRoot) -> Result<Bounded<IssuerRoot, ROOTS>, Failure> {
        let others = self.session.client().issuers()?;
        let mut roots: Vec<_> = others
            .iter()
            .filter(|issuer| {
                issuer.account != own.issuer
                    && issuer.tree.live > 0
                    && issuer.party.standing == Standing::Active
            })
            .map(|issuer| IssuerRoot { issuer: issuer.account, root: issuer.tree.root })
            .take(ROOTS - 1)
            .collect();
        roots.push(own);
        roots.sort_unstable_by_key(|named| named.issuer);
        Bounded::new(roots)
            .map_err(|_| Failure::new(Exit::Failure, "credential.roots", "too many issuers"))
    }
}
