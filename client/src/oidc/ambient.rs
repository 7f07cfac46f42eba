//! Tokens that the machine offers without anybody logging in: on CI services and in clusters.
//!
//! | where | how |
//! |---|---|
//! | GitHub Actions | a request to `ACTIONS_ID_TOKEN_REQUEST_URL` |
//! | Buildkite | a request to the agent's API |
//! | GitLab | the job has `SIGSTORE_ID_TOKEN`, which was looked at before |
//! | Kubernetes | a projected token, in the file where Sigstore's clients look for it |
//!
//! Somebody who is on such a service and has not given the job what it needs is told so, since a
//! browser would wait there for ever.

use std::path::Path;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{AUDIENCE, IdToken, TOKEN_LEN_BYTES_MAX, from_file};
use crate::config::{self, Variable};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{self, Answer, Http, Request};
use crate::submit::{self, Patience};

/// Where clusters are told to put a token for Sigstore's clients.
const PROJECTED_TOKEN: &str = "/var/run/sigstore/cosign/oidc-token";

/// Where Buildkite's agents ask, if the environment does not say.
const BUILDKITE_API: &str = "https://agent.buildkite.com/v3";

/// The token of the service that this runs on, if it is one of those.
pub(super) fn find(http: &Http) -> Result<Option<IdToken>, Failure> {
    if let (Some(url), Some(secret)) = (
        config::read(Variable::GithubRequestUrl),
        config::read(Variable::GithubRequestToken),
    ) {
        return github(&url, &secret, http).map(Some);
    }
    if let (Some(secret), Some(job)) = (
        config::read(Variable::BuildkiteToken),
        config::read(Variable::BuildkiteJob),
    ) {
        return buildkite(&secret, &job, http).map(Some);
    }
    let projected = config::read(Variable::IdTokenFile);
    let projected = projected.map_or_else(|| PROJECTED_TOKEN.to_owned(), |path| path.to_string());
    if Path::new(&projected).exists() {
        return from_file(Path::new(&projected)).map(Some);
    }
    match half_configured() {
        None => Ok(None),
        Some((service, fix)) => {
            let what = "the job has no ID token";
            Err(Failure::new(Exit::Usage, service, what).fix(fix))
        }
    }
}

fn github(url: &str, secret: &str, http: &Http) -> Result<IdToken, Failure> {
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{separator}audience={AUDIENCE}");
    let authorization = Zeroizing::new(format!("bearer {secret}"));
    let request = Request::get(&url, TOKEN_LEN_BYTES_MAX).authorization(&authorization);
    token_of(&ask(&url, &request, http)?, &url, "value")
}

fn buildkite(secret: &str, job: &str, http: &Http) -> Result<IdToken, Failure> {
    let api = config::read(Variable::BuildkiteEndpoint);
    let api = api.map_or_else(|| BUILDKITE_API.to_owned(), |api| api.to_string());
    let url = http::join(&api, &format!("jobs/{job}/oidc/tokens"));
    let authorization = Zeroizing::new(format!("Token {secret}"));
    let body = json!({"audience": AUDIENCE}).to_string();
    let request = Request::post(
        &url,
        "application/json",
        body.as_bytes(),
        TOKEN_LEN_BYTES_MAX,
    )
    .authorization(&authorization);
    token_of(&ask(&url, &request, http)?, &url, "token")
}

fn ask(url: &str, request: &Request<'_>, http: &Http) -> Result<Answer, Failure> {
    if !http::is_private_enough(url) {
        let what = "a secret would be sent there in the clear";
        return Err(Failure::new(Exit::Usage, url, what).expected("an https:// address"));
    }
    let answer = submit::send(http, url, request, Patience::LONG)?;
    if answer.is_success() {
        Ok(answer)
    } else {
        Err(answer.refused(url, "gives no ID token"))
    }
}

fn token_of(answer: &Answer, url: &str, field: &str) -> Result<IdToken, Failure> {
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let text = json.as_ref().and_then(|json| json.get(field)?.as_str());
    let text = text.ok_or_else(|| {
        let failure = Failure::new(Exit::Service, url, "gives no ID token");
        failure.expected(format!("a field {field:?}"))
    })?;
    IdToken::read(text, url)
}

/// A service that could give a token, but was not told to, with what to do.
fn half_configured() -> Option<(&'static str, &'static str)> {
    let on = |variable| config::read(variable).is_some();
    if on(Variable::GithubActions) {
        return Some((
            "GitHub Actions",
            "give the job `permissions: id-token: write`",
        ));
    }
    let gitlab = "give the job `id_tokens: SIGSTORE_ID_TOKEN: aud: sigstore`";
    on(Variable::GitlabCi).then_some(("GitLab CI", gitlab))
}
