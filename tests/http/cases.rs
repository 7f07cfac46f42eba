//! One exchange of a golden: its name, its request. Tables of them are checked by one function.

use cairn_tests::cairnd::Server;
use cairn_tests::golden::{Goldens, exchange};
use cairn_tests::http::{Client, Request, Response};

/// The goldens of this suite.
pub(crate) fn goldens() -> Goldens {
    Goldens::new("http/golden")
}

/// A named request.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) request: Request,
}

/// A case.
pub(crate) fn case(name: &'static str, request: Request) -> Case {
    Case { name, request }
}

/// Sends every request in order, each on a connection of its own because many of them are refused
/// half-way, and compares the answers with their goldens.
pub(crate) fn check(server: &Server, cases: Vec<Case>) {
    for Case { name, request } in cases {
        let response = Client::new(server.address()).send(&request);
        check_framing(name, &request, &response);
        goldens().check(name, &exchange(&request, &response));
    }
}

/// What holds for every answer, whatever it says.
fn check_framing(name: &str, request: &Request, response: &Response) {
    if let Some(len) = response.header("content-length")
        && request.method != "HEAD"
    {
        assert_eq!(
            len,
            response.body.len().to_string(),
            "{name}: content-length"
        );
    }
    let immutable = response
        .header("cache-control")
        .is_some_and(|value| value.contains("immutable"));
    assert!(
        !immutable || response.status == 200,
        "{name}: an error must not be kept"
    );
    let is_error = response.status >= 400;
    let json = response.header("content-type") == Some("application/json");
    let frozen = response
        .text_or_empty()
        .starts_with("This log has been frozen");
    let head = request.method == "HEAD";
    assert!(
        !is_error || json || frozen || head,
        "{name}: errors are JSON"
    );
}

/// Text of a body that may be bytes.
trait TextOrEmpty {
    fn text_or_empty(&self) -> &str;
}

impl TextOrEmpty for Response {
    fn text_or_empty(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_default()
    }
}
