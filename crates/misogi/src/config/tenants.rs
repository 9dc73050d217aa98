//! `[tenants.KEY]`: what a tenant does not share with the gateway's own organisation, because it has a secret or a person in it.
//!
//! Which tenants there are stands in the store and is changed while the gateway runs; what is here waits for a tenant of that key.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use store::{Tenant, TenantKey};
use web::{Network, SettingSection};

use super::passwords::Agreed;
use super::{Config, Delivery, Digest, Directory, Icap, Oidc, PortalAccess, Webhook};

/// The sections of one tenant. None of them is inherited from the gateway's own, but `delivery`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TenantSections {
    /// The tenant's directory.
    pub(crate) directory: Directory,
    /// The tenant's provider.
    pub(crate) oidc: Oidc,
    /// Who is told what waits.
    pub(crate) digest: Digest,
    /// Where sanitised mail goes; not set: where that of the gateway's own organisation goes.
    pub(crate) delivery: Option<Delivery>,
    /// What it has agreed on with its partners; everything else of `passwords` is shared.
    pub(crate) passwords: Agreed,
    /// Other systems that are told of events.
    pub(crate) webhooks: Vec<Webhook>,
    /// Addresses and networks of the tenant's proxies (ICAP), which are no other tenant's; everything else of `icap` is shared.
    pub(crate) icap_clients: Vec<String>,
}

impl Config {
    /// The configuration that a tenant's parts work with.
    pub(crate) fn of_tenant(&self, tenant: &Tenant) -> Config {
        let mut config = self.with_sections_of(tenant.key.as_str());
        config.site.name = tenant.settings.name.clone();
        config.site.portal_url = Some(tenant.settings.portal.as_str().to_owned());
        config.site.admin_url = Some(tenant.settings.admin.as_str().to_owned());
        config
    }

    /// The same for whoever only reads: nothing of it depends on the list of tenants.
    pub(crate) fn with_sections_of(&self, key: &str) -> Config {
        let sections = self.tenants.get(key).cloned().unwrap_or_default();
        let mut config = self.clone();
        config.data = tenant_data(self, key);
        config.tenants.clear();
        config.directory = sections.directory;
        config.oidc = sections.oidc;
        config.digest = sections.digest;
        config.webhooks = sections.webhooks;
        (config.passwords.words, config.passwords.partner) = (sections.passwords.words, sections.passwords.partner);
        if let Some(delivery) = sections.delivery {
            config.delivery = delivery;
        }
        // A result that everybody finds who has its address is of nobody's tenant.
        config.portal.access = PortalAccess::Accounts;
        config.icap = match sections.icap_clients.is_empty() {
            true => Icap::default(),
            false => Icap { clients: sections.icap_clients, ..config.icap },
        };
        config
    }

    /// The networks of tenants' proxies, each with the key of its tenant.
    pub(crate) fn proxies_of_tenants(&self) -> Vec<(String, Network)> {
        let of = |(key, sections): (&String, &TenantSections)| {
            let read = sections.icap_clients.iter().filter_map(|text| Network::parse(text).ok());
            read.map(|network| (key.clone(), network)).collect::<Vec<_>>()
        };
        self.tenants.iter().flat_map(of).collect()
    }

    /// Two tenants of whom nobody could tell which one a proxy speaks for.
    pub(super) fn shared_proxies(&self) -> Option<(String, String)> {
        let all = self.proxies_of_tenants();
        let clashes = |(key, network): &(String, Network)| {
            let other = all.iter().find(|(other, theirs)| other != key && theirs.overlaps(network));
            other.map(|(other, _)| (key.clone(), other.clone()))
        };
        all.iter().find_map(clashes)
    }

    /// What a tenant's people are not shown of the configuration: of the machine, and of the gateway's own organisation.
    pub(crate) fn hidden_from(&self, key: &TenantKey) -> Vec<SettingSection> {
        use SettingSection::{Admin, Delivery, Log, Outside, Rooms, Scanner, Site, Smtp};
        let has_own = self.tenants.get(key.as_str()).is_some_and(|sections| sections.delivery.is_some());
        let mut hidden = vec![Outside, Site, Smtp, Admin, Rooms, Scanner, Log];
        if !has_own {
            hidden.push(Delivery);
        }
        hidden
    }

    /// The first section that is of nobody who could be a tenant.
    pub(super) fn bad_tenant(&self) -> Option<&String> {
        self.tenants.keys().find(|key| TenantKey::parse(key).is_none())
    }
}

/// Where a tenant's store lies.
fn tenant_data(config: &Config, key: &str) -> PathBuf {
    config.data.join(TENANTS).join(key)
}

/// The directory of all tenants' stores, below the gateway's own.
pub(crate) const TENANTS: &str = "tenants";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_agreed_on_with_partners_and_where_mail_goes_is_each_organisations_own() {
        let text = "[smtp]\nrecipient_domains = [\"pref.example.lg.jp\"]\n[delivery]\nnext_hop = \"smtp://192.0.2.25:25\"\n\
                    [passwords]\nwords = [\"aikotoba\"]\n[[passwords.partner]]\nsender = \"*@partner.example\"\npasswords = [\"x\"]\n\
                    [tenants.a.passwords]\nwords = [\"himitsu\"]\n[tenants.b.delivery]\nnext_hop = \"smtp://192.0.2.26:25\"\n";
        let config = Config::parsed(text).unwrap();
        let (a, b) = (config.with_sections_of("a"), config.with_sections_of("b"));
        assert_eq!((a.passwords.words, a.passwords.partner.len()), (vec!["himitsu".to_owned()], 0));
        assert_eq!((b.passwords.words.len(), b.passwords.partner.len()), (0, 0));
        let hidden = |key| config.hidden_from(&TenantKey::parse(key).unwrap());
        assert!(hidden("a").contains(&SettingSection::Delivery) && !hidden("b").contains(&SettingSection::Delivery));
        for own in [SettingSection::Smtp, SettingSection::Rooms, SettingSection::Site] {
            assert!(hidden("a").contains(&own) && hidden("b").contains(&own), "{own:?}");
        }
        let secret = "[tenants.a]\npasswords = { partner = [{ sender = \"nobody\", passwords = [\"x\"] }] }\n";
        assert!(Config::parsed(secret).is_err(), "what a tenant has is looked at as well");
    }
}
