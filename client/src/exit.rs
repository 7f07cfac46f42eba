//! How a command ended, as a number that scripts may rely on.

use std::process::ExitCode;

/// The exit codes. Their meanings never change; there may be more of them one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All of it was done; what was to be verified is.
    Done = 0,
    /// What was checked does not hold: do not use it.
    Refused = 1,
    /// The command line asks for something that there is not.
    Usage = 2,
    /// A file can't be read or written, or is not what it should be.
    File = 3,
    /// A service can't be reached, or does not do what it was asked for.
    Service = 4,
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::File => 3,
            Exit::Service => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// For the end of each help text.
pub(crate) const EXIT_CODES: &str = "\
Exit codes: 0 done, and what was to be verified is; 1 refused: what was checked does not hold;
2 the command line is wrong; 3 a file can't be read or written, or is not what it should be;
4 a service can't be reached, or refused what it was asked for.";
