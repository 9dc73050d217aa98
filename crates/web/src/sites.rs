//! Several tenants on one listener: the name that a request is for decides whose site answers, and with it which store.
//!
//! This is the one place where tenants are told apart. Behind it every handler has the state of one tenant: its store, its people, its keys
//! and its sessions. There is no argument by which a handler could be asked for another's.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use axum::{Router, extract::Request, http::header};
use tower_service::Service;

use crate::hygiene;

/// The sites of one listener. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Sites(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// The gateway's own organisation, which answers where no tenant has the name: to addresses too. Its own guard refuses foreign names.
    own: Router,
    /// By name, in lower case.
    others: HashMap<String, Router>,
}

impl Sites {
    /// Puts the site of the gateway's own organisation in its place.
    pub fn set_own(&self, site: Router) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).own = site;
    }

    /// Has `site` answer under a name.
    pub fn set(&self, host: &str, site: Router) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).others.insert(host.to_ascii_lowercase(), site);
    }

    /// Nothing of a tenant answers under the name any more.
    pub fn remove(&self, host: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).others.remove(&host.to_ascii_lowercase());
    }

    /// What the listener serves.
    pub fn router(&self) -> Router {
        let sites = self.clone();
        Router::new().fallback(move |request: Request| {
            // Of the sites that are there now; one that is put in its place later answers the next request.
            let mut site = sites.of(&request);
            async move { site.call(request).await }
        })
    }

    fn of(&self, request: &Request) -> Router {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let named = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
        let site = named.and_then(|authority| known.others.get(&hygiene::host(authority).to_ascii_lowercase()));
        site.unwrap_or(&known.own).clone()
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, routing::get};

    use super::*;

    async fn answer(router: &Router, host: Option<&str>) -> String {
        let mut request = Request::new(Body::empty());
        if let Some(host) = host {
            request.headers_mut().insert(header::HOST, host.parse().unwrap());
        }
        let response = router.clone().call(request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_name_leads_to_one_site_and_everything_else_to_the_gateways_own() {
        let site = |name: &'static str| Router::new().route("/", get(move || async move { name }));
        let sites = Sites::default();
        sites.set_own(site("own"));
        let router = sites.router();
        sites.set("Mugai.City-A.lg.jp", site("a"));
        sites.set("mugai.city-b.lg.jp", site("b"));
        for (host, expect) in [
            (Some("mugai.city-a.lg.jp"), "a"),
            (Some("MUGAI.city-a.lg.jp:8443"), "a"),
            (Some("mugai.city-b.lg.jp"), "b"),
            (Some("mugai.city-a.lg.jp.example"), "own"),
            (Some("192.0.2.1:8080"), "own"),
            (Some("[2001:db8::1]:8080"), "own"),
            (Some(""), "own"),
            (None, "own"),
        ] {
            assert_eq!(answer(&router, host).await, expect, "{host:?}");
        }
        sites.remove("mugai.city-b.LG.jp");
        assert_eq!(answer(&router, Some("mugai.city-b.lg.jp")).await, "own");
    }
}
