//! The machine dies after N writes, for every N, in the middle of a history in which everything
//! that writes has something to write.

use std::time::Duration;

use engine::store::memory::Fault;

use crate::beginning::Beginning;
use crate::breach::{Checked, ensure};
use crate::dice::Dice;
use crate::entry::Number;
use crate::machine::Machine;
use crate::run::on_one_thread;
use crate::world::{End, World};

/// Batches of new entries. Each is followed by some that are known.
const BATCHES: [u64; 8] = [1, 199, 56, 1, 254, 2, 300, 40];

/// More writes than the history has.
const WRITES_MAX: u64 = 400;

/// Plays the history, dying after `writes` writes and going on from there. Says whether the
/// history was that long.
fn dies_after(writes: u64, fault: Fault, image: u64) -> Checked<bool> {
    let mut world = on_a_new_machine(image)?;
    world.machine.stores.faults.plan(writes, fault);
    let mut sent: Vec<Number> = Vec::new();
    let mut died = false;
    for count in BATCHES {
        let known = sent.iter().rev().step_by(7).copied().take(20);
        let known: Vec<Number> = known.collect();
        sent.extend((0..count).map(|_| world.model.new_number()));
        let new = &sent[sent.len() - usize::try_from(count).expect("small")..];
        let batch = [&known, new].concat();
        let goes_on = world.send_and_settle(&batch)?;
        ensure(goes_on || !died, || {
            "the log stopped with nothing failing".to_owned()
        })?;
        if !died && world.machine.stores.faults.met() > 0 {
            died = true;
            world.reopen(End::MachineDies)?;
            let goes_on = world.send_and_settle(&batch)?;
            ensure(goes_on, || {
                "the log stopped with nothing failing".to_owned()
            })?;
        }
    }
    world.end()?;
    let (size, sent) = (world.model.owed_size(), BATCHES.iter().sum::<u64>());
    ensure(size == sent, || {
        format!("{sent} entries were sent, {size} are in the log")
    })?;
    Ok(died)
}

fn on_a_new_machine(image: u64) -> Checked<World> {
    on_one_thread(|hashing| {
        let mut machine = Machine::new(hashing);
        if image % 4 == 1 {
            machine.publish_dir();
        }
        let limits = &mut machine.config.limits;
        limits.batch_age = Duration::ZERO;
        limits.checkpoint_interval = Duration::ZERO;
        limits.publish_dir_interval = Duration::ZERO;
        limits.retry_delay = Duration::ZERO;
        limits.hot_entries = 100;
        limits.index_segment_len = 64;
        World::on(Beginning::empty(machine)?, Dice::new(image))
    })
}

/// Dies at every place, with so many crash images of each.
fn check(images: u64) {
    for fault in Fault::ALL {
        for image in 0..images {
            let dies = |writes: &u64| {
                let died = dies_after(*writes, fault, image);
                died.unwrap_or_else(|breach| {
                    panic!("{writes} writes, {fault:?}, {image}: {breach}")
                })
            };
            let places = (0..WRITES_MAX).take_while(dies).count();
            assert!(places > 25, "the history has only {places} writes");
            assert!(
                places < usize::try_from(WRITES_MAX).unwrap(),
                "it is longer"
            );
        }
    }
}

#[test]
fn dying_after_any_number_of_writes_breaks_no_promise() {
    check(1);
}

#[cfg(feature = "slow")]
#[test]
fn dying_after_any_number_of_writes_breaks_no_promise_in_other_crash_images() {
    check(8);
}
