//! The environment variables of the tests, all read here.
//!
//! | name | meaning |
//! |---|---|
//! | `CAIRN_GOLDEN=write` | rewrite goldens instead of comparing |
//! | `CAIRN_CAIRND` | test this binary instead of building one |
//! | `CAIRN_SEED` | seed of a slow suite, to repeat a failure |
//! | `CAIRN_STEPS` | steps of a simulation |
//! | `CAIRN_ROUNDS` | how often `cairnd` is killed, or stopped |
//! | `CAIRN_POSITIONS` | how many positions of a record are damaged at most |
//! | `CAIRN_CLIENT_TABLE` | a file that each run of a Sigstore client adds a line to |
//! | `CAIRN_TOOLS`, `CAIRN_PYTHON` | where scripts/peers.sh and scripts/setup.sh put programs |

use std::path::PathBuf;

/// The value of a variable, if it is set to anything.
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no configuration file"
)]
#[must_use]
pub fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// The value of a variable that is a number, or `default`.
#[must_use]
pub fn number(name: &str, default: u64) -> u64 {
    text(name).map_or(default, |text| {
        let parsed = text.parse();
        parsed.unwrap_or_else(|error| panic!("{name}={text}: {error}"))
    })
}

/// Where the programs of others are, as scripts/env.sh decides it.
#[must_use]
pub fn tools() -> PathBuf {
    if let Some(tools) = text("CAIRN_TOOLS") {
        return PathBuf::from(tools);
    }
    let cache = text("CAIRN_CACHE").map_or_else(
        || {
            let home = || PathBuf::from(text("HOME").unwrap_or_default()).join(".cache");
            text("XDG_CACHE_HOME")
                .map_or_else(home, PathBuf::from)
                .join("cairn")
        },
        PathBuf::from,
    );
    cache.join("tools")
}
