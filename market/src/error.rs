//! The rules, as the list of ways to break them: one variant a rule, each saying what is wrong and
//! what to do, each with a stable code for programs.

use galen_zk::field::Scalar;

use crate::amount::{Amount, AmountError, Asset, Currency};
use crate::deal::Stage;
use crate::id::{AccountId, DealId, StandingId};
use crate::layout::LayoutError;
use crate::listing::{ClaimError, ListingId};
use crate::payment::Purse;
use crate::role::Role;
use crate::state::StateError;
use crate::wanted::Ending;
