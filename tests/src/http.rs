//! A small blocking HTTP/1.1 client that sends exactly what it is told: any path, any header, half
//! a request. Libraries normalise paths, add headers and decode bodies, which is what is tested.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::wait::WAIT_MAX;

/// The host that requests name unless they say otherwise.
pub const HOST: &str = "log.example.org";

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, anything.
    pub method: String,
    /// What stands in the request line.
    pub path: String,
    /// Beside `host` and `content-length`, which are added unless they are here.
    pub headers: Vec<(String, String)>,
    /// Sent as it is.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers or body.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A `GET`.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A `POST` of `body`.
    #[must_use]
    pub fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", path).body(body)
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn head(&self) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        let mut add = |name: &str, value: &str| {
            write!(head, "{name}: {value}\r\n").expect("writing to memory does not fail");
        };
        let given = |name: &str| self.headers.iter().any(|(given, _)| given == name);
        if !given("host") {
            add("host", HOST);
        }
        let framed = given("content-length") || given("transfer-encoding");
        if !framed && (self.method == "POST" || !self.body.is_empty()) {
            add("content-length", &self.body.len().to_string());
        }
        for (name, value) in &self.headers {
            add(name, value);
        }
        head + "\r\n"
    }
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// In the order they came; names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it came, with any content coding still on it.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// This answer, which must have the status.
    #[expect(
        clippy::return_self_not_must_use,
        clippy::must_use_candidate,
        reason = "often the status is all that matters"
    )]
    pub fn expect(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{body}");
        self
    }
}

/// A client with at most one connection, kept alive between requests.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    /// A client of the server at `address`; connects when it has something to say.
    #[must_use]
    pub const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connection: None,
        }
    }

    /// Sends one request and reads its answer; an error is a broken connection.
    pub fn try_send(&mut self, request: &Request) -> io::Result<Response> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => BufReader::new(connect(self.address)?),
        };
        let mut sent = request.head().into_bytes();
        sent.extend_from_slice(&request.body);
        // A server may refuse a body before it is all there, and close: its answer still counts.
        let written = connection.get_mut().write_all(&sent);
        let response = read_response(&mut connection, request.method == "HEAD")?;
        let closes = response.header("connection") == Some("close");
        if written.is_ok() && !closes {
            self.connection = Some(connection);
        }
        Ok(response)
    }

    /// Sends one request to a server that answers.
    pub fn send(&mut self, request: &Request) -> Response {
        self.try_send(request)
            .unwrap_or_else(|error| panic!("{} {}: {error}", request.method, request.path))
    }

    /// A `GET`.
    pub fn get(&mut self, path: &str) -> Response {
        self.send(&Request::get(path))
    }

    /// A `POST`.
    pub fn post(&mut self, path: &str, body: impl Into<Vec<u8>>) -> Response {
        self.send(&Request::post(path, body))
    }
}

/// A connection that gives up after a while instead of hanging the test.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, WAIT_MAX)?;
    stream.set_read_timeout(Some(WAIT_MAX))?;
    stream.set_write_timeout(Some(WAIT_MAX))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads one answer; `head_only` if the request was a `HEAD`.
pub fn read_response(
    connection: &mut BufReader<TcpStream>,
    head_only: bool,
) -> io::Result<Response> {
    let (status, headers) = loop {
        let (status, headers) = read_head(connection)?;
        // Interim answers, such as 100 Continue, are not what we wait for.
        if status >= 200 {
            break (status, headers);
        }
    };
    let mut response = Response {
        status,
        headers,
        body: Vec::new(),
    };
    if head_only || status == 204 || status == 304 {
        return Ok(response);
    }
    response.body = if response.header("transfer-encoding") == Some("chunked") {
        read_chunks(connection)?
    } else if let Some(len) = response.header("content-length") {
        let mut body = vec![0; len.parse().map_err(io::Error::other)?];
        connection.read_exact(&mut body)?;
        body
    } else {
        let mut body = Vec::new();
        connection.read_to_end(&mut body)?;
        body
    };
    Ok(response)
}

type Head = (u16, Vec<(String, String)>);

fn read_head(connection: &mut BufReader<TcpStream>) -> io::Result<Head> {
    let malformed = |line: &str| io::Error::other(format!("not a line of HTTP: {line:?}"));
    let first = read_line(connection)?;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| malformed(&first))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(connection)?;
        if line.is_empty() {
            return Ok((status, headers));
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn read_line(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

fn read_chunks(connection: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(connection)?;
        let len = usize::from_str_radix(&line, 16).map_err(io::Error::other)?;
        let begin = body.len();
        body.resize(begin + len, 0);
        connection.read_exact(&mut body[begin..])?;
        read_line(connection)?;
        if len == 0 {
            return Ok(body);
        }
    }
}
