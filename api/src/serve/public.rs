//! The public listener: the logs, and `/healthz` beside them.

use std::io;
use std::sync::Arc;

use axum::response::Response;

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::observe;
use crate::route::{self, Asked, Service};

use super::connection::Respond;

/// Answers what comes in on the public listener. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Public(Arc<Service>);

impl Public {
    /// # Errors
    /// As [`Service::new`].
    pub(crate) fn new(app: &Arc<App>) -> io::Result<Public> {
        Ok(Public(Arc::new(Service::new(Arc::clone(app))?)))
    }
}

impl Respond for Public {
    async fn respond(self, client: ClientAddress, asked: Asked) -> Response {
        let Public(service) = self;
        let handle = async |asked: Asked| match asked.request.uri().path() {
            "/healthz" => observe::healthz(&service.app, asked.request.method()),
            _ => route::answer(&service, asked).await,
        };
        observe::observe(&service.app, client, asked, handle).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::net::Ipv4Addr;

    use axum::body::Body;
    use http::Method;

    use crate::testing::{TestServer, request};
    use crate::timers::Timers;

    /// Thousands of requests wait at once, and nothing that they hold is in a processor's cache
    /// when they go on: what is moved or looked at then costs more than the work itself.
    #[test]
    fn what_a_waiting_request_holds_is_small() {
        let client = ClientAddress(Ipv4Addr::LOCALHOST.into());
        let asked = Asked {
            request: Box::new(request(Method::POST, "/logs/log/add", Body::empty())),
            client,
            timers: Timers::default(),
        };
        let routes = Public::new(&TestServer::raw().app).unwrap();
        let held = size_of_val(&routes.respond(client, asked));
        assert!(held <= 4096, "{held} bytes");
    }
}
