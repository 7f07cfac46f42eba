//! Each durable write of a log fails once, in each way, where bundles and tiles become full; the
//! machine dies; the same batch comes again, or another one.
//!
//! What the log promised before is checked by the model whenever it is opened; here are the cases.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::store::memory::{Fault, Write};

use crate::beginning::Beginning;
use crate::breach::{Checked, ensure};
use crate::dice::Dice;
use crate::entry::Number;
use crate::run::on_one_thread;
use crate::world::{End, World};

/// Entries that a log is short of the boundary.
const SHORT: u64 = 2;
/// Entries in the batch whose write fails: up to the boundary less one, to it, and past it.
const BATCHES: [u64; 3] = [1, 2, 3];
/// What comes after the failure.
#[derive(Clone, Copy, Debug)]
enum Then {
    SameBatch,
    OtherBatch,
}

/// One case.
#[derive(Clone, Copy, Debug)]
struct Case {
    boundary: u64,
    batch: u64,
    write: Write,
    fault: Fault,
    then: Then,
    image: u64,
}

impl Case {
    /// Runs the case; says whether the fault was met.
    fn run(self, beginning: Beginning) -> Checked<bool> {
        let before = self.boundary - SHORT;
        let mut world = World::on(beginning, Dice::new(self.image))?;
        let fresh = |world: &mut World| -> Vec<Number> {
            (0..self.batch).map(|_| world.model.new_number()).collect()
        };
        let first = fresh(&mut world);
        let faults = &world.machine.stores.faults;
        faults.plan_one(self.write, 0, self.fault);
        world.send_and_settle(&first)?;
        let met = world.machine.stores.faults.met() > 0;
        world.reopen(End::MachineDies)?;
        let second = match self.then {
            Then::SameBatch => first,
            Then::OtherBatch => fresh(&mut world),
        };
        let goes_on = world.send_and_settle(&second)?;
        ensure(goes_on, || {
            "the log stopped with nothing failing".to_owned()
        })?;
        world.end()?;
        let sizes = match self.then {
            Then::SameBatch => before + self.batch..=before + self.batch,
            Then::OtherBatch => before + self.batch..=before + 2 * self.batch,
        };
        let size = world.model.owed_size();
        ensure(sizes.contains(&size), || {
            format!("{size} entries are in the log, and not {sizes:?}")
        })?;
        Ok(met)
    }
}

/// All cases around these boundaries, each with so many crash images. Every kind of write must have
/// met every fault at each.
fn check(boundaries: &[u64], images: u64) {
    for boundary in boundaries {
        let mut met = BTreeSet::new();
        for case in cases(*boundary, images) {
            let outcome = on_one_thread(|hashing| {
                let mut beginning = Beginning::of_size(hashing, case.boundary - SHORT);
                let limits = &mut beginning.machine.config.limits;
                limits.batch_age = Duration::ZERO;
                limits.checkpoint_interval = Duration::ZERO;
                limits.retry_delay = Duration::ZERO;
                limits.hot_entries = 0;
                limits.tier_bundles_per_step = 256;
                limits.index_segment_len = 1;
                case.run(beginning)
            });
            match outcome {
                Ok(true) => _ = met.insert(format!("{:?} {:?}", case.write, case.fault)),
                Ok(false) => {}
                Err(breach) => panic!("{case:?}: {breach}"),
            }
        }
        let all = Write::ALL.len() * Fault::ALL.len();
        assert_eq!(met.len(), all, "at {boundary}: {met:?}");
    }
}

fn cases(boundary: u64, images: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for batch in BATCHES {
        for write in Write::ALL {
            for fault in Fault::ALL {
                for then in [Then::SameBatch, Then::OtherBatch] {
                    for image in 0..images {
                        cases.push(Case {
                            boundary,
                            batch,
                            write,
                            fault,
                            then,
                            image,
                        });
                    }
                }
            }
        }
    }
    cases
}

#[test]
fn no_failed_write_breaks_a_promise_where_a_bundle_is_filled() {
    check(&[256], 1);
}

#[cfg(feature = "slow")]
#[test]
fn no_failed_write_breaks_a_promise_in_other_crash_images() {
    check(&[256, 512, 768], 4);
}

#[cfg(feature = "slow")]
#[test]
fn no_failed_write_breaks_a_promise_where_a_tile_of_the_second_level_is_filled() {
    check(&[65_280, 65_792], 1);
    check(&[65_536], 2);
}
