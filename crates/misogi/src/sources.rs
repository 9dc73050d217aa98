//! Who vouches for users beside the gateway, as configured.

use anyhow::{Context, Result, bail};
use web::{
    Credential, DirectorySettings, Groups, Outbound, ProviderSettings, ProviderSites, Reach, Renewal, Sources, Tls,
    Trust,
};

use crate::config::{self, Config, GroupsBy, OidcSite};
use crate::gateway::read;

/// Active Directory's rule that follows groups in groups.
const IN_CHAIN: &str = "(member:1.2.840.113556.1.4.1941:={dn})";

/// The longest password in a file, in bytes.
const SECRET_BYTES: usize = 1024;

/// The sources of users that the configuration names.
pub(crate) fn sources(config: &Config) -> Result<Sources> {
    Ok(Sources { directory: directory(&config.directory)?, provider: provider(&config.oidc)? })
}

/// The directory, if one is set.
pub(crate) fn directory(settings: &config::Directory) -> Result<Option<web::Directory>> {
    let Some(url) = &settings.url else { return Ok(None) };
    let bind = match (&settings.bind_dn, &settings.bind_password_file) {
        (Some(dn), Some(path)) => Some((dn.clone(), secret("directory.bind_password_file", path)?)),
        (None, None) => None,
        _ => bail!("directory.bind_dn: directory.bind_dn and directory.bind_password_file are set together"),
    };
    let base = || settings.group_base.clone().unwrap_or_else(|| settings.base.clone());
    let groups = match settings.groups {
        GroupsBy::Attribute => Groups::Attribute(settings.group_attribute.clone()),
        GroupsBy::Search => Groups::Search { base: base(), filter: settings.group_filter.clone() },
        GroupsBy::Nested => Groups::Search { base: base(), filter: IN_CHAIN.to_owned() },
    };
    let secure = url.starts_with("ldaps:") || settings.start_tls;
    let directory = web::Directory::new(DirectorySettings {
        url: url.clone(),
        start_tls: settings.start_tls,
        trust: if secure { Some(tls("directory.ca_file", settings.ca_file.as_deref())?) } else { None },
        base: settings.base.clone(),
        bind,
        user_filter: settings.user_filter.clone(),
        name_attribute: settings.name_attribute.clone(),
        mail_attribute: settings.mail_attribute.clone(),
        groups,
        roles: settings.role.iter().map(|given| (given.group.clone(), given.role.into())).collect(),
        deadline: settings.deadline_seconds,
        recheck: settings.recheck_seconds,
    })?;
    Ok(Some(directory))
}

/// The provider, if one is set.
pub(crate) fn provider(settings: &config::Oidc) -> Result<Option<web::Provider>> {
    let Some(issuer) = &settings.issuer else { return Ok(None) };
    let secret =
        settings.client_secret_file.as_deref().map(|path| secret("oidc.client_secret_file", path)).transpose()?;
    let pem = read(settings.ca_file.as_deref())?;
    let trust = pem.as_deref().map_or(Trust::System, Trust::Only);
    // Whoever configures it has named the server, and its description names the others.
    let outbound =
        Outbound::new(trust, Reach::with_this_machine(), settings.deadline_seconds).context("oidc.ca_file")?;
    let provider = web::Provider::new(ProviderSettings {
        issuer: issuer.clone(),
        outbound,
        client: settings.client_id.clone(),
        secret,
        scopes: settings.scopes.clone(),
        name_claim: settings.name_claim.clone(),
        mail_claim: settings.mail_claim.clone(),
        group_claim: settings.group_claim.clone(),
        roles: settings.role.iter().map(|given| (given.group.clone(), given.role.into())).collect(),
        factor_methods: settings.second_factor_amr.clone(),
        factor_classes: settings.second_factor_acr.clone(),
        sites: ProviderSites {
            portal: settings.sites.contains(&OidcSite::Portal),
            console: settings.sites.contains(&OidcSite::Admin),
        },
        session: settings.session_seconds,
        renewal: if settings.renew { Renewal::Silent } else { Renewal::Never },
    })?;
    Ok(Some(provider))
}

/// TLS with the named certificate authorities, or the system's.
fn tls(key: &'static str, file: Option<&std::path::Path>) -> Result<Tls> {
    let pem = read(file)?;
    Tls::new(pem.as_deref().map_or(Trust::System, Trust::Only)).context(key)
}

/// The one line of a file that only the gateway should read.
fn secret(key: &'static str, path: &std::path::Path) -> Result<Credential> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{key}: {} cannot be read", path.display()))?;
    let line = text.trim_end_matches(['\n', '\r']);
    if line.is_empty() || line.len() > SECRET_BYTES || line.contains(char::is_control) {
        bail!("{key}: {} must hold one line of 1 to {SECRET_BYTES} bytes", path.display());
    }
    Ok(Credential::new(line.to_owned()))
}
