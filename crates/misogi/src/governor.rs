//! The policy while the gateway runs: what the file leaves open may be published from the console and is in force from the next
//! mail on.
//!
//! The file is the floor: whoever owns the machine decides there, and a key that stands in the file is not changed from the
//! console. A published text names keys of [`OPEN`] sections; whatever it does not name has its default. What is not policy (addresses,
//! rooms, retention, passwords) is not open at all.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use engine::{Engine, PartOutcome, Patience};
use form::name::FileName;
use jail::Source;
use store::{MessageId, OriginKind, Store};
use web::{Change, Setting, SettingOrigin, SettingSection, TriedPart};

use crate::config::{self, Config};
use crate::forecast::Tally;
use crate::gateway;
use crate::letterhead::Letterhead;
use crate::worker::chain;

/// The sections that may be published, and of those with others beside them, the keys.
const OPEN: [(&str, &[&str]); 5] = [
    ("policy", &[]),
    ("mail", &[]),
    ("pages", &[]),
    ("office", &["output", "compared_pages", "embedded", "pivot_cache", "fallback"]),
    ("limits", &[]),
];

/// How far back a draft is judged by what is recorded.
const DAYS: u32 = 7;

/// Mails and uploads that a draft is judged by, the newest first: a second's work.
const MOST_MESSAGES: u64 = 50_000;

/// Governs the engine of the running gateway.
pub(crate) struct Governor {
    /// The configuration as the file gives it.
    base: Config,
    file: Option<PathBuf>,
    /// The keys that stand in the file.
    written: toml::Table,
    engine: Engine,
    store: Store,
    letterhead: Letterhead,
    /// Sections that its people are not shown.
    hidden: Vec<SettingSection>,
    published: Mutex<Published>,
}

#[derive(Debug, Clone)]
struct Published {
    version: i64,
    config: Config,
    written: toml::Table,
}

impl std::fmt::Debug for Governor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Governor")
    }
}

impl Governor {
    /// A governor of `engine`, with nothing published yet.
    pub(crate) fn new(
        config: &Config,
        file: Option<PathBuf>,
        engine: Engine,
        store: Store,
        letterhead: Letterhead,
        hidden: Vec<SettingSection>,
    ) -> Self {
        let text = file.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        let written = text.and_then(|text| text.parse().ok()).unwrap_or_default();
        let published = Published { version: 0, config: config.clone(), written: toml::Table::new() };
        Self {
            base: config.clone(),
            file,
            written,
            engine,
            store,
            letterhead,
            hidden,
            published: Mutex::new(published),
        }
    }

    /// Puts the newest published policy in force. One that does not fit any more (the file has a key of it by now) is told in the log,
    /// and the file alone is in force.
    pub(crate) async fn resume(&self) -> Result<(), store::Error> {
        let Some(policy) = self.store.policies(1).await?.pop() else { return Ok(()) };
        match web::Governor::enforce(self, policy.version, &policy.text) {
            Ok(()) => tracing::info!(event = "policy_enforced", version = policy.version),
            Err(fault) => tracing::error!(event = "policy_not_enforced", version = policy.version, fault),
        }
        Ok(())
    }

    fn published(&self) -> Published {
        self.published.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The configuration with a draft laid over what the file leaves open.
    fn with(&self, draft: &str) -> Result<(Config, toml::Table), String> {
        let draft: toml::Table = draft.parse().map_err(|error: toml::de::Error| error.message().to_owned())?;
        let mut whole = toml::Table::try_from(&self.base).map_err(|error| error.to_string())?;
        for (section, keys) in &draft {
            let open = OPEN.iter().find(|(name, _)| name == section);
            let Some((_, names)) = open else { return Err(format!("[{section}] is not changed from the console")) };
            let toml::Value::Table(keys) = keys else { return Err(format!("`{section}` is a section: [{section}]")) };
            for (key, value) in keys {
                if !names.is_empty() && !names.contains(&key.as_str()) {
                    return Err(format!("{section}.{key} is not changed from the console"));
                }
                if self.written.get(section).is_some_and(|there| there.get(key).is_some()) {
                    return Err(format!("{section}.{key} stands in the configuration file, which decides"));
                }
                if let Some(toml::Value::Table(into)) = whole.get_mut(section) {
                    into.insert(key.clone(), value.clone());
                }
            }
        }
        let text = toml::to_string(&whole).map_err(|error| error.to_string())?;
        let config = Config::parsed(&text).map_err(|error| chain(&error))?;
        Ok((config, draft))
    }

    async fn tried(&self, draft: &str, message: MessageId) -> Result<Vec<TriedPart>, String> {
        let (config, _) = self.with(draft)?;
        let engine = self.engine.under(gateway::policy(&config));
        let detail = self.store.message(message).await.map_err(|error| chain(&error))?;
        let row = detail.ok_or("there is no such message")?.row;
        let original = match self.store.message_original(message).await {
            Ok(original) => original.to_source().await.map_err(|error| chain(&error))?,
            Err(store::Error::Expired) => {
                return Err("its original is not kept any more, or lies in quarantine".to_owned());
            }
            Err(error) => return Err(chain(&error)),
        };
        let parts = match row.origin {
            OriginKind::Mail => {
                let sender = row.sender.as_deref();
                let context = self.letterhead.context(&row.receipt, sender, &row.recipients, Patience::Again);
                engine.sanitise_mail(&original, &context).await.map_err(|error| chain(&error))?.parts
            }
            OriginKind::Upload => {
                let name = FileName::rebuild(row.file_name.as_deref().unwrap_or("file")).0;
                vec![upload(&engine, original, name).await?]
            }
            OriginKind::Notice | OriginKind::Unlocked => return Err("the gateway made this message itself".to_owned()),
        };
        Ok(tried_parts(&parts))
    }

    async fn compared(
        &self,
        draft: &str,
        file: Source,
        name: FileName,
    ) -> Result<(Vec<TriedPart>, Vec<TriedPart>), String> {
        let (config, _) = self.with(draft)?;
        let now = upload(&self.engine.current(), file.clone(), name.clone()).await?;
        let drafted = upload(&self.engine.under(gateway::policy(&config)), file, name).await?;
        Ok((tried_parts(&[now]), tried_parts(&[drafted])))
    }

    async fn foreseen(&self, draft: &str) -> Result<web::Forecast, String> {
        let (after, _) = self.with(draft)?;
        let mut tally = Tally::new(&self.published().config, &after);
        let now = self.letterhead.clock.now();
        let since = now.minus(Duration::from_secs(86_400).saturating_mul(DAYS));
        let mut below = MessageId(i64::MAX);
        loop {
            let page = self.store.recorded(since, below).await.map_err(|error| chain(&error))?;
            let Some(last) = page.last() else { break };
            below = last.message;
            if tally.messages() >= MOST_MESSAGES {
                return Ok(tally.forecast(DAYS, false));
            }
            page.iter().for_each(|message| tally.add(message));
        }
        Ok(tally.forecast(DAYS, true))
    }
}

async fn upload(engine: &Engine, original: Source, name: FileName) -> Result<PartOutcome, String> {
    engine.sanitise_upload(original, name, &[], Patience::Again).await.map_err(|error| chain(&error))
}

fn tried_parts(parts: &[PartOutcome]) -> Vec<TriedPart> {
    parts.iter().flat_map(PartOutcome::flatten).map(tried_part).collect()
}

fn tried_part(part: &PartOutcome) -> TriedPart {
    TriedPart {
        path: part.path.clone(),
        name: part.name.as_str().to_owned(),
        output_name: part.output_name.as_ref().map(|name| name.as_str().to_owned()),
        refusal: part.refusal,
        findings: part.findings.clone(),
    }
}

impl web::Governor for Governor {
    fn settings(&self) -> Vec<Setting> {
        let published = self.published();
        let mut settings = config::settings(&published.config, self.file.as_deref());
        settings.retain(|setting| !self.hidden.contains(&setting.section));
        for setting in &mut settings {
            let named = published.written.get(setting.section.name());
            if named.is_some_and(|section| section.get(&setting.key).is_some()) {
                setting.origin = SettingOrigin::Published;
            }
        }
        settings
    }

    fn version(&self) -> i64 {
        self.published().version
    }

    fn compare(&self, draft: &str) -> Result<Vec<Change>, String> {
        let (after, _) = self.with(draft)?;
        let before = config::settings(&self.published().config, None);
        let after = config::settings(&after, None);
        let changes = before.iter().zip(&after).filter(|(before, after)| before.value != after.value);
        Ok(changes
            .map(|(before, after)| Change {
                key: format!("{}.{}", before.section.name(), before.key),
                before: before.value.clone(),
                after: after.value.clone(),
            })
            .collect())
    }

    fn try_on<'a>(&'a self, draft: &'a str, message: MessageId) -> web::Trying<'a> {
        Box::pin(self.tried(draft, message))
    }

    fn try_file<'a>(&'a self, draft: &'a str, file: Source, name: FileName) -> web::Comparing<'a> {
        Box::pin(self.compared(draft, file, name))
    }

    fn forecast<'a>(&'a self, draft: &'a str) -> web::Forecasting<'a> {
        Box::pin(self.foreseen(draft))
    }

    fn enforce(&self, version: i64, text: &str) -> Result<(), String> {
        let (config, written) = self.with(text)?;
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        // Two that are published at the same time may come here in either order.
        if version >= published.version {
            self.engine.enforce(gateway::published(&config, version));
            *published = Published { version, config, written };
        }
        Ok(())
    }
}
