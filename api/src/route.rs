//! The public routes: who answers a request, and whether the method and the caller may.

mod locate;

use std::io;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, Method, Version};

use crate::answer::leave_out_body;
use crate::app::{App, ServedLog};
use crate::body::unread::UnreadBudget;
use crate::body::{self, BodyBudget, BodyLimits, WholeBody};
use crate::client_address::ClientAddress;
use crate::error::Refusal;
use crate::instance::{self, InstancePath};
use crate::limits;
use crate::rate::RateLimits;
use crate::read::lane::Lane;
use crate::timers::Timers;
use crate::verify_pool::{self, VerifyPool};
use crate::{cors, ct, grpc, raw, read, rekor};
pub(crate) use locate::host;
use locate::{Resource, Style, locate, normalize};

/// What the handlers share beside the logs.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) app: Arc<App>,
    pub(crate) verify: VerifyPool,
    pub(crate) bodies: BodyBudget,
    /// Reading bundles, and what was read of them and is not taken yet.
    pub(crate) bundles: Lane,
    pub(crate) bundles_unread: UnreadBudget,
    /// Proving batches: their entries are logged, so nobody's reads hold them up.
    pub(crate) proofs: Lane,
    pub(crate) proofs_unread: UnreadBudget,
    /// How often one caller may ask for what is signed for them.
    pub(crate) rates: Arc<RateLimits>,
}

impl Service {
    /// Starts what the handlers share.
    ///
    /// # Errors
    /// The system gives no thread for the signature checks.
    pub(crate) fn new(app: Arc<App>) -> io::Result<Service> {
        let limits = &app.limits;
        let largest = limits
            .rekor_body_len_bytes_max
            .max(limits.batch_body_len_bytes_max);
        Ok(Service {
            verify: VerifyPool::new(verify_pool::thread_count(), limits.verify_queue_count_max)?,
            bodies: BodyBudget::new(largest),
            bundles: Lane::new(limits::HEAVY_COUNT_MAX, limits::BUNDLES_WAITING_COUNT_MAX),
            bundles_unread: UnreadBudget::new(limits::BUNDLES_UNREAD_LEN_BYTES_MAX),
            proofs: Lane::new(limits::HEAVY_COUNT_MAX, limits::PROOFS_WAITING_COUNT_MAX),
            proofs_unread: UnreadBudget::new(limits::PROOFS_UNREAD_LEN_BYTES_MAX),
            rates: Arc::new(RateLimits::new(&app.limits)),
            app,
        })
    }
}

/// A request, with the timers that its waits may use.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Boxed, because it goes from hand to hand, and each leaves room for it.
    pub(crate) request: Box<Request>,
    pub(crate) client: ClientAddress,
    pub(crate) timers: Timers,
}

/// A request whose body is there.
#[derive(Debug)]
pub(crate) struct WithBody {
    pub(crate) headers: HeaderMap,
    pub(crate) body: WholeBody,
    /// For what remains to be waited for.
    pub(crate) timers: Timers,
}

impl Asked {
    /// Waits for the body, of at most so many bytes.
    ///
    /// # Errors
    /// `too_large` if it has more; or it is late, broken or encoded, or there is no room for it.
    pub(crate) async fn read(
        self,
        service: &Service,
        len_bytes_max: usize,
        too_large: Refusal,
    ) -> Result<WithBody, Refusal> {
        let limits = BodyLimits {
            len_bytes_max,
            time_max: service.app.limits.body_timeout,
        };
        let (parts, body) = (*self.request).into_parts();
        let (headers, timers) = (parts.headers, self.timers);
        let whole = body::read(&headers, body, limits, &service.bodies, &timers).await;
        let body = whole.map_err(|error| error.refusal(limits, too_large))?;
        Ok(WithBody {
            headers,
            body,
            timers,
        })
    }
}

/// Answers a request for one of the logs. There is no table of routes: which log a path means
/// depends on the host and on the logs there are.
pub(crate) async fn answer(service: &Arc<Service>, asked: Asked) -> Response {
    let is_head = *asked.request.method() == Method::HEAD;
    let is_call = grpc::is_call(&asked.request);
    let path = normalize(asked.request.uri().path());
    let instance_path = service.app.instance.locate(&path);
    let is_for_everybody = instance_path
        .as_ref()
        .is_none_or(InstancePath::is_for_everybody);
    let answer = match instance_path {
        _ if is_call => Box::pin(answer_call(service, instance_path, asked)).await,
        // Boxed, so that a request for a log does not take the room of any of these.
        Some(path) => Box::pin(ask_instance(service, path, asked)).await,
        None => dispatch(service, asked).await,
    };
    let mut response = answer.unwrap_or_else(|refusal| {
        if is_call {
            grpc::refuse(&refusal)
        } else {
            refusal.into_response()
        }
    });
    if is_head {
        leave_out_body(&mut response);
    }
    if is_for_everybody {
        cors::allow_any_origin(response.headers_mut());
    }
    response
}

/// As any other request, within the time that the caller gives it.
async fn answer_call(
    service: &Arc<Service>,
    path: Option<InstancePath>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let (headers, timers) = (asked.request.headers().clone(), asked.timers.clone());
    let answering = async {
        match path {
            Some(path) => ask_instance(service, path, asked).await,
            None => dispatch(service, asked).await,
        }
    };
    grpc::within_limit_of(&headers, &timers, answering).await
}

/// RFC 9112, section 3.2. HTTP/2 has `:authority`, HTTP/1.0 neither.
fn check_one_host(request: &Request) -> Result<(), Refusal> {
    let hosts = request.headers().get_all(HOST).iter().count();
    if request.version() == Version::HTTP_11 && hosts != 1 {
        return Err(Refusal::NotOneHost { found: hosts });
    }
    Ok(())
}

/// Whether the method may, and then the instance's answer.
async fn ask_instance(
    service: &Arc<Service>,
    path: InstancePath,
    asked: Asked,
) -> Result<Response, Refusal> {
    let request = &asked.request;
    check_one_host(request)?;
    let allow = path.allow();
    if *request.method() == Method::OPTIONS && path.is_for_everybody() {
        return Ok(cors::preflight(allow));
    }
    if !path.takes(request.method()) {
        return Err(path.wrong_method());
    }
    path.encoding().check(request)?;
    let host = host(request.uri(), request.headers());
    instance::answer(service, path, host, asked).await
}

/// Who answers, and whether the method and the caller may.
async fn dispatch(service: &Arc<Service>, asked: Asked) -> Result<Response, Refusal> {
    let request = &asked.request;
    check_one_host(request)?;
    let host = || host(request.uri(), request.headers());
    let target = locate(&service.app, host, request.uri().path())?;
    let log = &target.log;
    if *request.method() == Method::OPTIONS {
        return Ok(cors::preflight(target.resource.allow()));
    }
    if !target.resource.takes(request.method()) {
        let allow = target.resource.allow();
        return Err(match target.style {
            Style::RekorV2 => Refusal::RekorMethodNotAllowed { allow },
            Style::Plain => Refusal::MethodNotAllowed { allow },
        });
    }
    match target.resource {
        Resource::Read(resource) => {
            let how = (request.method(), request.headers());
            return read::serve(service, log, resource, how).await;
        }
        Resource::CtRoots => return ct::roots(log),
        Resource::CtIssuer(fingerprint) => return ct::issuer(log, &fingerprint),
        _ => {}
    }
    target.resource.encoding().check(request)?;
    if log.read_only {
        return Err(match target.style {
            Style::RekorV2 => Refusal::RekorFrozen,
            Style::Plain => Refusal::Frozen,
        });
    }
    authorize(log, request.headers())?;
    match target.resource {
        Resource::RekorAdd(encoding) => rekor::v2::add(service, log, encoding, asked).await,
        Resource::RawAdd => raw::add(service, log, asked).await,
        // Boxed, so that no single entry's request takes the room of a batch's.
        Resource::RekorAddBatch => Box::pin(rekor::batch::add(service, log, asked)).await,
        Resource::RawAddBatch => Box::pin(raw::add_batch(service, log, asked)).await,
        // Boxed likewise: it waits for more than others do.
        Resource::CtAdd(submitted_as) => Box::pin(ct::add(service, log, asked, submitted_as)).await,
        Resource::Read(_) | Resource::CtRoots | Resource::CtIssuer(_) => Err(Refusal::Internal),
    }
}

/// Whether the caller may add to this log. Compares with every token, so that the time taken says
/// nothing about which one was nearly right.
fn authorize(log: &ServedLog, headers: &HeaderMap) -> Result<(), Refusal> {
    if log.tokens.is_empty() {
        return Ok(());
    }
    let presented = headers
        .get(AUTHORIZATION)
        .and_then(|value| bearer(value.as_bytes()));
    let known = presented.is_some_and(|presented| {
        log.tokens
            .iter()
            .fold(false, |known, token| known | token.matches(presented))
    });
    if known {
        Ok(())
    } else {
        Err(Refusal::Unauthorized)
    }
}

/// The token of an `Authorization: Bearer` header.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(b"Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests;
