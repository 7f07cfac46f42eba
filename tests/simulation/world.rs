//! One machine with a log on it, its submitters, and what happens to them, one event at a time.
//!
//! A *step* is one call of one part's step function. Between steps entries are sent, time passes,
//! clocks jump, keys fail, writes fail, and machine or process end and begin again. After every
//! event the log is held to what it promised; see [`crate::checks`].

use std::sync::Arc;
use std::time::Duration;

use engine::store::memory::Fault;
use engine::{IndexedLeaf, Next, Part, Stepped};

use crate::beginning::Beginning;
use crate::breach::{Checked, During as _, ensure};
use crate::checks::Checks;
use crate::dice::{Dice, mix};
use crate::entry::Number;
use crate::machine::{Machine, kind_of_write, limits};
use crate::model::Model;
use crate::submitters::{Choice, Submitters};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Step(Part),
    Send,
    Time,
    ClockJump,
    SignerFails,
    SignerWorks,
    WriteFails,
    AllWritesFail,
    Ends(End),
}

/// How a process ends. Another begins where it left off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With its machine: what was not synced is kept or lost.
    MachineDies,
    /// Alone.
    ProcessDies,
    /// In order.
    Closes,
}

/// One world in so many begins large.
const LARGE_ONE_IN: u64 = 64;

/// New entries are sent up to this many submitted ones: it bounds what a full check costs.
const SUBMITTED_MAX: u64 = 2500;

/// Events after a log stopped, before somebody opens it again.
const STOPPED_EVENTS_MAX: u64 = 20;

/// Rounds in which a log does all there is to do, one step of each part in each.
const SETTLING_ROUNDS: u64 = 1000;

/// Rounds in which a closed log comes to rest.
const ROUNDS_MAX: u64 = 100_000;

/// See the module.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) machine: Machine,
    pub(crate) log: Stepped,
    pub(crate) model: Model,
    pub(crate) dice: Dice,
    submitters: Submitters,
    events: Vec<(Event, u64)>,
    /// Most entries in one call, and most entries submitted.
    send_max: u64,
    submitted_max: u64,
    stopped_for: u64,
    pub(crate) steps: u64,
    /// What happened and what the log said, as one number.
    pub(crate) trace: u64,
    pub(crate) checks: Checks,
    pub(crate) reopened: u64,
    pub(crate) faults_met: u64,
}

impl World {
    /// A world whose nature and history follow from `seed`.
    pub(crate) fn new(hashing: &Arc<rayon::ThreadPool>, seed: u64) -> Checked<Self> {
        let mut dice = Dice::new(mix(seed));
        let beginning = if dice.chance(1, LARGE_ONE_IN) {
            let mut beginning = Beginning::large(hashing);
            beginning.machine.config.limits = limits(&mut dice);
            beginning
        } else {
            let mut machine = Machine::new(hashing);
            machine.config.limits = limits(&mut dice);
            if dice.chance(1, 4) {
                machine.set_format(Arc::new(IndexedLeaf));
            }
            if dice.chance(1, 32) {
                machine.publish_dir();
            }
            Beginning::empty(machine)?
        };
        let mut world = Self::on(beginning, dice)?;
        world.events = events(&mut world.dice);
        world.send_max = world.dice.one_of(&[1, 8, 30, 100, 300]);
        Ok(world)
    }

    /// A world in which nothing happens by itself.
    pub(crate) fn on(beginning: Beginning, dice: Dice) -> Checked<Self> {
        let Beginning { machine, model } = beginning;
        let log = Stepped::open(&machine.stores.stores(), &machine.config);
        let mut world = Self {
            log: log.during("opening a log")?,
            machine,
            submitters: Submitters::default(),
            events: Vec::new(),
            send_max: 1,
            submitted_max: SUBMITTED_MAX + model.submitted(),
            model,
            trace: dice.clone().below(u64::MAX),
            dice,
            stopped_for: 0,
            steps: 0,
            checks: Checks::default(),
            reopened: 0,
            faults_met: 0,
        };
        world.check_all()?;
        Ok(world)
    }

    /// Lets one thing happen, and checks.
    pub(crate) fn event(&mut self) -> Checked {
        if self.stopped_for > STOPPED_EVENTS_MAX {
            return self.reopen(End::ProcessDies);
        }
        match self.dice.weighted(&self.events) {
            Event::Step(part) => self.step(part).map(drop)?,
            Event::Send => self.send()?,
            Event::Time => self.time(),
            Event::ClockJump => self.machine.set_clock(&mut self.dice),
            Event::SignerFails => self.machine.set_signer(true),
            Event::SignerWorks => self.machine.set_signer(false),
            Event::WriteFails => {
                let (kind, after) = (kind_of_write(&mut self.dice), self.dice.below(4));
                let fault = self.dice.one_of(&Fault::ALL);
                self.machine.stores.faults.plan_one(kind, after, fault);
            }
            Event::AllWritesFail => {
                let (after, fault) = (self.dice.below(8), self.dice.one_of(&Fault::ALL));
                self.machine.stores.faults.plan(after, fault);
            }
            Event::Ends(how) => return self.reopen(how),
        }
        self.check()
    }

    /// One step of one part.
    fn step(&mut self, part: Part) -> Checked<Next> {
        self.steps += 1;
        let next = self.log.step(part);
        let outcomes = self.submitters.collect(self.log.log(), &mut self.model)?;
        if self.log.log().status().stopped.is_some() {
            self.stopped_for += 1;
        }
        let head = self.log.log().published();
        let seen = [
            self.steps,
            outcomes.placed,
            outcomes.failed,
            self.stopped_for,
            head.size.get(),
            u64::from(head.root_hash.as_bytes()[0]),
        ];
        for number in seen {
            self.trace = mix(self.trace ^ number);
        }
        Ok(next)
    }

    fn send(&mut self) -> Checked {
        let mut choices = vec![
            (Choice::InFlight, 3),
            (Choice::Known, 2),
            (Choice::Again, 2),
        ];
        if self.model.submitted() < self.submitted_max {
            choices.push((Choice::New, 6));
        }
        let choice = self.dice.weighted(&choices);
        let count = 1 + self.dice.below(self.send_max);
        let (log, model) = (self.log.log(), &mut self.model);
        self.submitters
            .send(log, model, &mut self.dice, (choice, count))
    }

    fn time(&mut self) {
        let most = self.dice.one_of(&[3, 3, 60, 60, 1500, 70_000]);
        let millis = self.dice.below(most);
        self.machine.advance(Duration::from_millis(millis));
    }

    /// Sends these entries in one call, and steps every part until nothing more happens or the log
    /// has stopped. Says whether it goes on.
    pub(crate) fn send_and_settle(&mut self, numbers: &[Number]) -> Checked<bool> {
        let log = self.log.log();
        self.submitters.send_these(log, numbers.to_vec())?;
        for _ in 0..SETTLING_ROUNDS {
            self.machine.advance(Duration::from_millis(1));
            let mut idle = true;
            for part in Part::ALL {
                idle &= self.step(part)? != Next::Now;
                self.check()?;
            }
            if idle && self.submitters.waiting() == 0 {
                break;
            }
        }
        let stopped = self.log.log().status().stopped.is_some();
        let waiting = self.submitters.waiting();
        ensure(stopped || waiting == 0, || {
            format!("{waiting} entries still wait for a log that has nothing to do")
        })?;
        Ok(!stopped)
    }

    /// Ends the process and begins another.
    pub(crate) fn reopen(&mut self, how: End) -> Checked {
        if how == End::Closes && self.stopped_for == 0 {
            self.close()?;
        }
        self.submitters.hang_up();
        let dice = &mut self.dice;
        if how == End::MachineDies {
            self.machine.stores.crash(&mut || dice.coin());
        } else {
            self.machine.stores.restart(&mut || dice.coin());
        }
        self.machine.set_signer(false);
        self.machine.new_process();
        let log = Stepped::open(&self.machine.stores.stores(), &self.machine.config);
        self.log = log.during("opening the log again")?;
        self.stopped_for = 0;
        self.reopened += 1;
        self.check_all()
    }

    /// Closes the log and lets it come to rest: everybody who waits is told, and if nothing fails,
    /// everything committed is published.
    fn close(&mut self) -> Checked {
        self.log.log().close();
        for round in 0.. {
            ensure(round < ROUNDS_MAX, || {
                "a closed log does not come to rest".to_owned()
            })?;
            let mut ended = true;
            for part in Part::ALL {
                ended &= self.step(part)? == Next::Never;
            }
            self.check()?;
            if ended {
                break;
            }
            self.machine.advance(Duration::from_millis(round));
        }
        let waiting = self.submitters.waiting();
        ensure(waiting == 0, || {
            format!("{waiting} entries still wait for a log that has ended")
        })
    }

    /// Puts everything right, lets the log come to rest, and wants all of it: what was sent is
    /// answered, what was promised is published.
    pub(crate) fn end(&mut self) -> Checked {
        self.machine.set_clock_right();
        self.reopen(End::ProcessDies)?;
        self.machine.advance(Duration::from_mins(1));
        self.close()?;
        let status = self.log.log().status();
        let stopped = status.stopped;
        ensure(stopped.is_none(), || {
            format!("nothing failed, and the log has stopped: {stopped:?}")
        })?;
        let (owed, published) = (self.model.owed_size(), status.published.size.get());
        ensure(
            owed == published && status.committed.size.get() == owed,
            || format!("{owed} entries are owed, {published} published by a log that has ended"),
        )?;
        self.faults_met += self.machine.stores.faults.met();
        self.check_all()?;
        self.check_publish_dir()
    }
}

/// What happens in a world, and how often: not everything goes wrong in every one, or some things
/// would never get far enough to go wrong.
fn events(dice: &mut Dice) -> Vec<(Event, u64)> {
    let mut events: Vec<(Event, u64)> = Part::ALL
        .iter()
        .map(|part| (Event::Step(*part), 40 + dice.below(300)))
        .collect();
    events.push((Event::Send, 20 + dice.below(150)));
    events.push((Event::Time, 20 + dice.below(150)));
    events.push((Event::SignerWorks, 10));
    let troubles = [
        (Event::ClockJump, 5),
        (Event::SignerFails, 5),
        (Event::WriteFails, 20),
        (Event::AllWritesFail, 8),
        (Event::Ends(End::MachineDies), 4),
        (Event::Ends(End::ProcessDies), 4),
        (Event::Ends(End::Closes), 2),
    ];
    for (event, most) in troubles {
        if dice.coin() {
            events.push((event, 1 + dice.below(most)));
        }
    }
    events
}
