//! `misogi tenant`: the organisations that the running gateway serves beside its own.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;
use store::{MailDomain, SiteAddress, TenantKey};

use crate::commands::{PASSED, WITHHELD};
use crate::config::Config;
use crate::control::{self, Organisation, Request, TenantChange, TenantReply, TenantRequest};
use crate::{ConfigArgument, tenant_key};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    config: ConfigArgument,
    /// Print one JSON object per line.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List every organisation, the gateway's own first, with how much waits for each.
    List,
    /// Serve one more; prints the link by which its first administrator is made.
    Add {
        /// 1 to 32 lower-case letters, digits and hyphens, of which the first is a letter. It never changes.
        #[arg(value_parser = tenant_key)]
        key: TenantKey,
        #[command(flatten)]
        settings: Settings,
    },
    /// Put other settings in the place of a tenant's.
    Change {
        #[arg(value_parser = tenant_key)]
        key: TenantKey,
        #[command(flatten)]
        settings: Settings,
    },
    /// Serve one no more of which no mail, file or withheld original is kept. Its audit stays on disk.
    Remove {
        #[arg(value_parser = tenant_key)]
        key: TenantKey,
    },
    /// Make a new link for the first administrator of a tenant.
    Invite {
        #[arg(value_parser = tenant_key)]
        key: TenantKey,
    },
}

#[derive(Debug, clap::Args)]
struct Settings {
    /// Name of the organisation, shown in mails and on pages.
    #[arg(long)]
    name: String,
    /// Domain whose mail is theirs; may be given several times.
    #[arg(long = "domain", value_parser = domain)]
    domains: Vec<MailDomain>,
    /// Where their staff reach the portal, such as `https://mugai.city.example.lg.jp`.
    #[arg(long, value_name = "URL", value_parser = address)]
    portal_url: SiteAddress,
    /// Where their administrators reach the console.
    #[arg(long, value_name = "URL", value_parser = address)]
    admin_url: SiteAddress,
}

impl Settings {
    fn change(self, key: &TenantKey) -> TenantChange {
        TenantChange {
            key: key.as_str().to_owned(),
            name: self.name,
            domains: self.domains.iter().map(|domain| domain.as_str().to_owned()).collect(),
            portal_url: self.portal_url.as_str().to_owned(),
            admin_url: self.admin_url.as_str().to_owned(),
        }
    }
}

fn domain(typed: &str) -> Result<MailDomain, String> {
    MailDomain::parse(typed).ok_or_else(|| "a domain such as city.example.lg.jp is wanted".to_owned())
}

fn address(typed: &str) -> Result<SiteAddress, String> {
    SiteAddress::parse(typed).ok_or_else(|| "https:// and a host name are wanted, without a path".to_owned())
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = Config::load(arguments.config.config.as_deref())?;
    let request = match arguments.action {
        Action::List => TenantRequest::List,
        Action::Add { key, settings } => TenantRequest::Add(settings.change(&key)),
        Action::Change { key, settings } => TenantRequest::Change(settings.change(&key)),
        Action::Remove { key } => TenantRequest::Remove { key: key.as_str().to_owned() },
        Action::Invite { key } => TenantRequest::Invite { key: key.as_str().to_owned() },
    };
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    let reply: TenantReply = runtime.block_on(control::ask(&config.data, &Request::Tenants(request)))?;
    let is_done = matches!(reply, TenantReply::Listed { .. } | TenantReply::Done { .. });
    if arguments.json {
        match &reply {
            TenantReply::Listed { tenants } => {
                for tenant in tenants {
                    println!("{}", serde_json::to_string(tenant)?);
                }
            }
            reply => println!("{}", serde_json::to_string(reply)?),
        }
    } else {
        print(&reply);
    }
    Ok(ExitCode::from(if is_done { PASSED } else { WITHHELD }))
}

fn print(reply: &TenantReply) {
    match reply {
        TenantReply::Listed { tenants } => tenants.iter().for_each(print_line),
        TenantReply::Done { invitation: Some(link) } => {
            println!("done; its first administrator is made with this link, which works once: {link}");
        }
        TenantReply::Done { invitation: None } => println!("done"),
        TenantReply::Refused { why, .. } => println!("{why}"),
        TenantReply::BadRequest => println!("the gateway could not read the request; is it of another version?"),
    }
}

fn print_line(tenant: &Organisation) {
    let Organisation { key, name, domains, portal_url, waiting, running, to_deliver, .. } = tenant;
    let figure = |count: &Option<u64>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
    println!(
        "{:<32}  {} waiting  {} converting  {} to deliver  {name}  {}  {portal_url}",
        key.as_deref().unwrap_or("(own)"),
        figure(waiting),
        figure(running),
        figure(to_deliver),
        domains.join(" "),
    );
}
