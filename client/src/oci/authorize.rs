//! Answering a registry that asks who is there.
//!
//! A token is asked for what is going to be done in one repository, not for what the registry says
//! that it wants. A password goes to the registry that it is for, and to the service that this
//! registry names; never without TLS, except within this machine.

use reqwest::Url;
use sigstore::image::Challenge;
use zeroize::Zeroizing;

use super::credentials::Credentials;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Answer, Http, Request, is_private_enough};

/// What is going to be done in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reading.
    Pull,
    /// Reading and writing.
    Push,
}

/// The longest answer with a token.
const TOKEN_ANSWER_LEN_BYTES_MAX: usize = 256 * 1024;

/// What a token is wanted for, and who wants it.
#[derive(Debug)]
pub(super) struct Applicant<'a> {
    pub(super) http: &'a Http,
    /// The registry's `https://HOST`.
    pub(super) origin: &'a str,
    pub(super) repository: &'a str,
    pub(super) access: Access,
    pub(super) credentials: Option<&'a Credentials>,
}

impl Applicant<'_> {
    /// The header that answers a refusal with status 401.
    pub(super) fn authorize(&self, refusal: &Answer) -> Result<Zeroizing<String>, Failure> {
        let headers = refusal.headers.get_all("www-authenticate").iter();
        let mut basic = false;
        let mut problem = "there is no header WWW-Authenticate that says how".to_owned();
        for header in headers.filter_map(|header| header.to_str().ok()) {
            match Challenge::parse(header) {
                Ok(Challenge::Bearer { realm, service }) => {
                    return self.token(&realm, service.as_deref());
                }
                Ok(Challenge::Basic) => basic = true,
                Err(error) => problem = error.to_string(),
            }
        }
        let what = "wants to know who asks";
        match self.credentials.filter(|_| basic) {
            Some(credentials) => Ok(credentials.authorization()),
            None if basic => Err(self.unknown(what)),
            None => Err(Failure::new(Exit::Service, self.origin, what).found(problem)),
        }
    }

    fn token(&self, realm: &str, service: Option<&str>) -> Result<Zeroizing<String>, Failure> {
        let refuse = |what: &str| Failure::new(Exit::Service, self.origin, what).found(realm);
        let rights = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        let scope = format!("repository:{}:{rights}", self.repository);
        let parameters = service.map(|service| ("service", service));
        let parameters = parameters.into_iter().chain([("scope", scope.as_str())]);
        let url = Url::parse_with_params(realm, parameters)
            .map_err(|_| refuse("names a place for tokens that is no URL"))?;
        // Only who is reached without TLS may send elsewhere without TLS.
        let is_allowed = match url.scheme() {
            "https" => true,
            "http" => self.origin.starts_with("http://"),
            _ => false,
        };
        if !is_allowed || !url.username().is_empty() {
            return Err(refuse(
                "names a place for tokens that nobody should be sent to",
            ));
        }
        let url = String::from(url);
        let mut request = Request::get(&url, TOKEN_ANSWER_LEN_BYTES_MAX);
        let password = self.credentials.filter(|_| is_private_enough(&url));
        let password = password.map(Credentials::authorization);
        if let Some(password) = &password {
            request = request.authorization(password);
        }
        let answer = self.http.send(&request).map_err(|e| e.failure(realm))?;
        if !answer.is_success() {
            return Err(self.unknown("gives no token").found(answer.message()));
        }
        let body = Zeroizing::new(answer.body);
        read_token(&body).ok_or_else(|| {
            let what = "answered without a token that can be sent in a header";
            Failure::new(Exit::Service, realm, what)
        })
    }

    fn unknown(&self, what: &str) -> Failure {
        let failure = Failure::new(Exit::Service, self.origin, what);
        let fix = match self.credentials {
            Some(_) => "the name and password in Docker's config.json do not open this repository",
            None => {
                "docker login first: Docker's config.json has no name and password for this \
                 registry, and other places are not looked into"
            }
        };
        failure.fix(fix)
    }
}

fn read_token(json: &[u8]) -> Option<Zeroizing<String>> {
    let answer: serde_json::Value = serde_json::from_slice(json).ok()?;
    let text = |name| answer.get(name).and_then(serde_json::Value::as_str);
    let token = text("token").or_else(|| text("access_token"))?;
    let is_sendable = !token.is_empty() && token.bytes().all(|c| c.is_ascii_graphic());
    is_sendable.then(|| Zeroizing::new(format!("Bearer {token}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_line_of_a_header() {
        let read = |json: &str| read_token(json.as_bytes()).map(|token| token.to_string());
        let wanted = Some("Bearer abc".to_owned());
        assert_eq!(read(r#"{"token":"abc"}"#), wanted);
        assert_eq!(read(r#"{"access_token":"abc","expires_in":60}"#), wanted);
        for wrong in [
            r#"{"token":""}"#,
            r#"{"token":"a\r\nX: y"}"#,
            r#"{"token":1}"#,
            "[]",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
