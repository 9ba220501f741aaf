//! What the network of pending transactions brings to a node.

use super::{Shared, lock};
use crate::admission::{SubmitError, clock_ms};
use crate::consensus::types::Address;
use crate::execute::Application;
use crate::gossip::{Inbox, Message, OFFER_BYTES, Verdict};
use crate::mempool::MempoolError;
use std::sync::Weak;

/// What the network brings, for as long as the node lives.
pub(super) struct Incoming<A: Application>(pub(super) Weak<Shared<A>>);

impl<A: Application> Inbox for Incoming<A> {
    fn receive(&self, message: Message) -> Verdict {
        let Some(node) = self.0.upgrade() else { return Verdict::Drop };
        match message {
            Message::Transaction { bytes, .. } => {
                // A failed check is the sender's fault; what the state says may differ between nodes.
                if node.admission.check(&bytes).is_err() {
                    return Verdict::Blame;
                }
                match node.admission.submit(&bytes, false) {
                    Ok(_) => {
                        node.signals.wake.notify_one();
                        Verdict::Pass
                    }
                    Err(SubmitError::Mempool(MempoolError::Duplicate)) => Verdict::Pass,
                    Err(_) => Verdict::Drop,
                }
            }
            Message::Head(head) => {
                if !node.verifying.said(&head) {
                    return Verdict::Blame;
                }
                let Some(validators) = node.validators() else { return Verdict::Drop };
                if !validators.contains(&Address(head.validator)) {
                    return Verdict::Drop;
                }
                let mut heads = lock(&node.signals.heads);
                heads.retain(|validator, _| validators.contains(&Address(*validator)));
                let known = heads.entry(head.validator).or_default();
                let news = head.height > *known;
                *known = head.height.max(*known);
                drop(heads);
                if news {
                    node.signals.wake.notify_one();
                    Verdict::Pass
                } else {
                    Verdict::Drop
                }
            }
        }
    }

    fn offers(&self) -> Vec<Message> {
        let Some(node) = self.0.upgrade() else { return Vec::new() };
        let offer = clock_ms();
        let pending = node.admission.offers(OFFER_BYTES).into_iter();
        let head = Message::Head(node.signing.head(node.store.tip().height));
        pending.map(|bytes| Message::Transaction { bytes, offer }).chain([head]).collect()
    }
}
