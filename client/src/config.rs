//! The environment, as far as this program reads it. There is no configuration file: what is to be
//! the same every time is in the trust root that `cairn trust init` keeps.
//!
//! Each variable is a [`Variable`], so that this list is all of them.

use std::path::PathBuf;

use zeroize::Zeroizing;

/// A variable that is read. Where two say the same, ours comes before that of other clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Variable {
    /// Where trust roots are kept.
    CairnHome,
    /// Where programs keep what they know, by the XDG base directory specification.
    XdgDataHome,
    /// The user's own directory.
    Home,
    /// Where Docker's clients keep who they are to registries.
    DockerConfig,
    /// An ID token, for every client of Sigstore; GitLab sets it.
    IdToken,
    /// Where a cluster puts an ID token.
    IdTokenFile,
    /// The passphrase of a private key.
    Password,
    /// The same for cosign.
    CosignPassword,
    /// Set on GitHub Actions.
    GithubActions,
    /// Where a job on GitHub Actions asks for an ID token.
    GithubRequestUrl,
    /// What it asks with.
    GithubRequestToken,
    /// Set on GitLab CI.
    GitlabCi,
    /// What a job on Buildkite asks its agent with.
    BuildkiteToken,
    /// Which job it is.
    BuildkiteJob,
    /// Where the agent asks.
    BuildkiteEndpoint,
}

impl Variable {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Variable::CairnHome => "CAIRN_HOME",
            Variable::XdgDataHome => "XDG_DATA_HOME",
            Variable::Home => "HOME",
            Variable::DockerConfig => "DOCKER_CONFIG",
            Variable::IdToken => "SIGSTORE_ID_TOKEN",
            Variable::IdTokenFile => "CAIRN_ID_TOKEN_FILE",
            Variable::Password => "CAIRN_PASSWORD",
            Variable::CosignPassword => "COSIGN_PASSWORD",
            Variable::GithubActions => "GITHUB_ACTIONS",
            Variable::GithubRequestUrl => "ACTIONS_ID_TOKEN_REQUEST_URL",
            Variable::GithubRequestToken => "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            Variable::GitlabCi => "GITLAB_CI",
            Variable::BuildkiteToken => "BUILDKITE_AGENT_ACCESS_TOKEN",
            Variable::BuildkiteJob => "BUILDKITE_JOB_ID",
            Variable::BuildkiteEndpoint => "BUILDKITE_AGENT_ENDPOINT",
        }
    }
}

/// What a variable holds, unless that is nothing. Wiped when dropped, because some are secret.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the environment is read"
)]
pub(crate) fn read(variable: Variable) -> Option<Zeroizing<String>> {
    let text = std::env::var(variable.name()).ok().map(Zeroizing::new)?;
    (!text.is_empty()).then_some(text)
}

/// Where this program keeps what it must know the next time, `None` if there is no such place.
pub(crate) fn home() -> Option<PathBuf> {
    let path = |variable| read(variable).map(|text| PathBuf::from(text.as_str()));
    path(Variable::CairnHome)
        .or_else(|| path(Variable::XdgDataHome).map(|data| data.join("cairn")))
        .or_else(|| path(Variable::Home).map(|home| home.join(".local/share/cairn")))
}

/// Where Docker's clients keep their configuration, `None` if there is no such place.
pub(crate) fn docker_home() -> Option<PathBuf> {
    let path = |variable| read(variable).map(|text| PathBuf::from(text.as_str()));
    path(Variable::DockerConfig).or_else(|| path(Variable::Home).map(|home| home.join(".docker")))
}
