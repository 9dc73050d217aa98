//! The settings in force, for people who do not read the file: each with where it comes from, and none that is a secret.

use std::path::Path;

use web::{Setting, SettingOrigin, SettingSection};

use super::Config;

/// Every setting, in the order of the file's reference. What is not set and has no default is left out.
pub(crate) fn settings(config: &Config, file: Option<&Path>) -> Vec<Setting> {
    let in_force = toml::Table::try_from(config).unwrap_or_default();
    // The file was read before, so what it holds is what is in force.
    let written =
        file.and_then(|path| std::fs::read_to_string(path).ok()).and_then(|text| text.parse::<toml::Table>().ok());
    listed(&in_force, &written.unwrap_or_default())
}

fn listed(in_force: &toml::Table, written: &toml::Table) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut add = |section, key: &str, value: &toml::Value, is_written: bool| {
        let value = if is_secret(key) || is_list_of_tables(value) { hidden(value) } else { value.to_string() };
        let origin = if is_written { SettingOrigin::File } else { SettingOrigin::Default };
        settings.push(Setting { section, key: key.to_owned(), value, origin });
    };
    for (name, value) in in_force {
        let there = written.get(name);
        match value {
            toml::Value::Table(keys) => {
                let Some(section) = SettingSection::named(name) else { continue };
                for (key, value) in keys {
                    add(section, key, value, there.is_some_and(|there| there.get(key).is_some()));
                }
            }
            value => add(SettingSection::Outside, name, value, there.is_some()),
        }
    }
    settings
}

/// Whether a key may hold something that opens something.
fn is_secret(key: &str) -> bool {
    ["secret", "password", "token", "partner"].iter().any(|part| key.contains(part))
}

/// Such as webhooks, whose address may open them.
fn is_list_of_tables(value: &toml::Value) -> bool {
    value.as_array().is_some_and(|all| all.iter().any(toml::Value::is_table))
}

fn hidden(value: &toml::Value) -> String {
    match value {
        toml::Value::Array(all) => format!("({})", all.len()),
        _ => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_says_where_it_comes_from_and_secrets_say_nothing() {
        let text = "[policy]\naccount = \"bottom\"\n[[passwords.partner]]\nsender = \"*@partner.example.co.jp\"\n\
                    passwords = [\"Himitsu-2026\"]\n[smtp]\nhostname = \"mx.example.lg.jp\"\n";
        let config: Config = toml::from_str(text).unwrap();
        let all = listed(&toml::Table::try_from(&config).unwrap(), &text.parse().unwrap());
        let find =
            |section: &str, key: &str| all.iter().find(|one| one.section.name() == section && one.key == key).unwrap();
        assert_eq!(
            (find("policy", "account").value.as_str(), find("policy", "account").origin),
            ("\"bottom\"", SettingOrigin::File)
        );
        assert_eq!(find("policy", "charset").origin, SettingOrigin::Default);
        assert_eq!(
            (find("", "data").value.as_str(), find("", "data").origin),
            ("\"misogi-data\"", SettingOrigin::Default)
        );
        assert_eq!(
            (find("passwords", "partner").value.as_str(), find("passwords", "partner").origin),
            ("(1)", SettingOrigin::File)
        );
        assert_eq!(find("smtp", "hostname").origin, SettingOrigin::File);
        assert!(!format!("{all:?}").contains("Himitsu"));
        for (name, value) in toml::Table::try_from(&config).unwrap() {
            assert!(!value.is_table() || SettingSection::named(&name).is_some(), "{name} is not shown on the page");
        }
        assert!(!is_secret("typed_tries") && is_secret("client_secret") && is_secret("bind_password"));
    }
}
