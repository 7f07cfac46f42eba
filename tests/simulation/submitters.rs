//! Whoever sends entries: several at once, who send again what others have on the way, what the log
//! has long had, and what they were told is not in it.

use engine::{AddError, Log, Rejection, Ticket};

use crate::breach::{Checked, ensure};
use crate::dice::Dice;
use crate::entry::{Number, entry};
use crate::model::Model;

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Submitters {
    /// On the way to the log, in the order they were sent.
    waiting: Vec<(Number, Ticket)>,
    /// Turned away, or told that their fate is unknown.
    turned_away: Vec<Number>,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    /// Entries that nobody ever sent.
    New,
    /// Entries that are on the way already.
    InFlight,
    /// Any entries ever sent.
    Known,
    /// Entries that were turned away.
    Again,
}

/// What became of the entries that no longer wait.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) placed: u64,
    pub(crate) failed: u64,
}

impl Submitters {
    /// Sends up to `count` entries in one call.
    pub(crate) fn send(
        &mut self,
        log: &Log,
        model: &mut Model,
        dice: &mut Dice,
        (choice, count): (Choice, u64),
    ) -> Checked {
        let numbers: Vec<Number> = (0..count)
            .filter_map(|_| self.choose(model, dice, choice))
            .collect();
        self.send_these(log, numbers)
    }

    /// Sends these entries in one call.
    pub(crate) fn send_these(&mut self, log: &Log, numbers: Vec<Number>) -> Checked {
        if numbers.is_empty() {
            return Ok(());
        }
        let entries = numbers.iter().map(|number| entry(*number)).collect();
        match log.add_many(entries) {
            Ok(tickets) => self.waiting.extend(numbers.into_iter().zip(tickets)),
            Err(error) => {
                self.turned_away.extend(numbers);
                let stopped = log.status().stopped.is_some();
                let expected = match &error {
                    AddError::Rejected(Rejection::PoolFull { .. } | Rejection::TooMany { .. }) => {
                        true
                    }
                    AddError::Fatal(_) => stopped,
                    _ => false,
                };
                ensure(expected, || format!("adding was refused: {error}"))?;
            }
        }
        Ok(())
    }

    fn choose(&mut self, model: &mut Model, dice: &mut Dice, choice: Choice) -> Option<Number> {
        match choice {
            Choice::New => Some(model.new_number()),
            Choice::InFlight if self.waiting.is_empty() => None,
            Choice::InFlight => Some(self.waiting[dice.position(self.waiting.len())].0),
            Choice::Known if model.submitted() == 0 => None,
            Choice::Known => Some(Number::try_from(dice.below(model.submitted())).expect("small")),
            Choice::Again => self.turned_away.pop(),
        }
    }

    /// Takes in what the log has said since the last look.
    pub(crate) fn collect(&mut self, log: &Log, model: &mut Model) -> Checked<Outcomes> {
        let mut outcomes = Outcomes::default();
        for (number, ticket) in std::mem::take(&mut self.waiting) {
            match ticket.sequenced_by_now() {
                None => self.waiting.push((number, ticket)),
                Some(Ok(place)) => {
                    outcomes.placed += 1;
                    model.promise(number, place)?;
                }
                Some(Err(error)) => {
                    outcomes.failed += 1;
                    self.turned_away.push(number);
                    let expected = match &error {
                        AddError::BatchFailed(why) => why.contains("clock"),
                        AddError::Fatal(_) => log.status().stopped.is_some(),
                        _ => false,
                    };
                    ensure(expected, || format!("entry {number} was refused: {error}"))?;
                }
            }
        }
        Ok(outcomes)
    }

    /// The log is gone, and with it every answer.
    pub(crate) fn hang_up(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        self.turned_away
            .extend(waiting.into_iter().map(|(number, _)| number));
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
