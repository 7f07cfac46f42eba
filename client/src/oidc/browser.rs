//! Logging in with a browser on this machine: the issuer sends it back to a listener on loopback
//! with a code, which only this program can exchange (RFC 6749 section 4.1, RFC 7636, RFC 8252).
//!
//! This is the one place where this program listens: at a port that the system chooses, for one
//! answer that names the secret it was asked with, and no longer than somebody takes to log in.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use form_urlencoded::Serializer;
use sha2::{Digest as _, Sha256};

use super::provider::Provider;
use super::{IdToken, claims};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Http;
use crate::output;

/// How long somebody has to log in.
const LOGIN_TIME_MAX: Duration = Duration::from_mins(10);

/// How long a browser has to say what it wants.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);

/// The longest first line of a request.
const REQUEST_LINE_LEN_BYTES_MAX: u64 = 16 * 1024;

/// Where the issuer sends the browser back to.
const CALLBACK: &str = "/auth/callback";

/// What the person sees in the end.
const PAGE: &str = "You are logged in. You can close this page and go back to the terminal.\n";

/// Opens a browser and waits.
pub(super) fn log_in(provider: &Provider, http: &Http) -> Result<IdToken, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(listening)?;
    let port = listener.local_addr().map_err(listening)?.port();
    let redirect_uri = format!("http://localhost:{port}{CALLBACK}");
    let (verifier, state, nonce) = (secret()?, secret()?, secret()?);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    let query = Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", &provider.client_id),
            ("scope", "openid email"),
            ("redirect_uri", &redirect_uri),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", &state),
            ("nonce", &nonce),
        ])
        .finish();
    let endpoint = provider.endpoint("authorization_endpoint")?;
    let separator = if endpoint.contains('?') { '&' } else { '?' };
    let page = format!("{endpoint}{separator}{query}");
    output::note(format_args!(
        "to log in, open this page in a browser: {page}"
    ));
    open(&page);
    let code = wait_for_code(listener, &state, &provider.issuer)?;
    let token_url = provider.endpoint("token_endpoint")?;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", &verifier),
    ];
    let token = provider.token(&provider.post(token_url, &fields, http)?)?;
    let said = claims(token.text());
    let said = said
        .as_ref()
        .and_then(|claims| claims.get("nonce")?.as_str());
    if said != Some(nonce.as_str()) {
        let what = "the ID token is not the one that was asked for: it names another nonce";
        return Err(Failure::new(Exit::Refused, &provider.issuer, what));
    }
    Ok(token)
}

/// Waits on another thread, which ends with the program if nobody comes.
fn wait_for_code(listener: TcpListener, state: &str, issuer: &str) -> Result<String, Failure> {
    let (sender, answers) = mpsc::channel();
    let state = state.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Some(answer) = answer_of(&stream, &state) {
                // Whoever waited may have given up.
                let _sent = sender.send(answer);
                return;
            }
        }
    });
    let answer = answers.recv_timeout(LOGIN_TIME_MAX);
    let late = Failure::new(Exit::Service, issuer, "nobody logged in in time")
        .fix("on a machine without a browser use --device, or --identity-token-file");
    answer
        .map_err(|_| late)?
        .map_err(|error| Failure::new(Exit::Service, issuer, "the login was refused").found(error))
}

/// The code or the error that a browser brings, if it comes from the page that was opened.
fn answer_of(mut stream: &TcpStream, state: &str) -> Option<Result<String, String>> {
    stream.set_read_timeout(Some(REQUEST_TIME_MAX)).ok()?;
    let mut line = String::new();
    let mut reader = BufReader::new(stream.take(REQUEST_LINE_LEN_BYTES_MAX));
    reader.read_line(&mut line).ok()?;
    let answer = read_request_line(&line, state);
    let (status, text) = match &answer {
        None => ("404 Not Found", "There is nothing here.\n"),
        Some(Ok(_)) => ("200 OK", PAGE),
        Some(Err(_)) => ("200 OK", "The login was refused. The terminal says more.\n"),
    };
    let head = "Content-Type: text/plain\r\nConnection: close\r\nContent-Length:";
    // The browser may have gone; what it brought counts.
    let _gone = write!(
        stream,
        "HTTP/1.1 {status}\r\n{head} {}\r\n\r\n{text}",
        text.len()
    );
    answer
}

/// `GET /auth/callback?code=...&state=... HTTP/1.1`
fn read_request_line(line: &str, state: &str) -> Option<Result<String, String>> {
    let target = line.strip_prefix("GET ")?.split(' ').next()?;
    let query = target.strip_prefix(CALLBACK)?.strip_prefix('?')?;
    let field = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    };
    // Another page, or another program, does not know the state.
    if field("state")? != state {
        return None;
    }
    match field("code") {
        Some(code) => Some(Ok(code)),
        None => Some(Err(field("error").unwrap_or_else(|| "no code".to_owned()))),
    }
}

/// Opens the page in the person's browser, if there is one; the address was shown in any case.
fn open(page: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let mut command = Command::new(program);
    command.arg(page).stdin(Stdio::null());
    let _no_browser = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
}

/// 256 random bits as text.
fn secret() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes)
        .map_err(|_| Failure::new(Exit::File, "the system", "gives no randomness"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn listening(error: std::io::Error) -> Failure {
    let what = "can't be listened at for the browser's answer";
    Failure::new(Exit::Service, "127.0.0.1", what)
        .found(error)
        .fix("use --device, or --identity-token-file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_with_the_secret_counts() {
        let read = |line: &str| read_request_line(line, "s1");
        let good = "GET /auth/callback?code=a%2Fb&state=s1 HTTP/1.1\r\n";
        assert_eq!(read(good), Some(Ok("a/b".to_owned())));
        let refused = "GET /auth/callback?error=access_denied&state=s1 HTTP/1.1\r\n";
        assert_eq!(read(refused), Some(Err("access_denied".to_owned())));
        for other in [
            "GET /auth/callback?code=a&state=s2 HTTP/1.1\r\n",
            "GET /auth/callback?code=a HTTP/1.1\r\n",
            "GET /favicon.ico HTTP/1.1\r\n",
            "POST /auth/callback?code=a&state=s1 HTTP/1.1\r\n",
            "",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    /// A browser that asks for other things first, over a real socket.
    #[test]
    fn the_listener_waits_for_the_right_request() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let browser = thread::spawn(move || {
            let ask = |target: &str| {
                let mut stream = TcpStream::connect(address).unwrap();
                write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                answer
            };
            let first = ask("/favicon.ico");
            assert!(first.starts_with("HTTP/1.1 404 "), "{first}");
            let second = ask("/auth/callback?state=s1&code=c");
            assert!(
                second.starts_with("HTTP/1.1 200 ") && second.ends_with(PAGE),
                "{second}"
            );
        });
        let code = wait_for_code(listener, "s1", "issuer");
        assert_eq!(code.unwrap(), "c");
        browser.join().unwrap();
    }

    #[test]
    fn secrets_are_long_and_different() {
        let (one, other) = (secret().unwrap(), secret().unwrap());
        assert!(one.len() == 43 && one != other);
    }
}
