//! Each rule by itself: a bundle that is right in all other points, and the check that refuses it.

use super::testing::*;
use super::*;
use crate::KeyDetails;
use crate::bundle::BundleFormat;
use crate::identity::{Identity, TextMatch};
use crate::test_keys::TestKey;
use crate::time::UnixSeconds;

mod binding;
mod certificate;
mod checkpoints;
mod content;
mod flips;
mod forms;
mod identity;
mod logs;
mod order;
mod path;
mod promises;
mod scts;
mod times;
mod witnesses;
