//! The user profile of an instance: written anew for each, gone with it.

/// `user/registrymodifications.xcu`, the settings in which a room's LibreOffice differs from a person's. The first group keeps
/// documents from doing anything by themselves; behind it stand the room's walls, which do not depend on any setting.
/// `locale` is a BCP 47 tag of letters, digits and hyphens. `build` is the [`build_id`]: a profile that states another one is
/// taken for an older version's, and everything is set up once more, extensions included, which takes executable memory.
pub(super) fn settings(locale: &str, build: &str) -> String {
    const HEAD: &str = concat!(
        r#"<?xml version="1.0" encoding="UTF-8"?>"#,
        "\n",
        r#"<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" "#,
        r#"xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">"#,
        "\n",
    );
    let mut out = String::from(HEAD);
    for (path, property, value) in SETTINGS {
        item(&mut out, path, property, value);
    }
    item(&mut out, "/org.openoffice.Setup/L10N", "ooSetupSystemLocale", locale);
    item(&mut out, "/org.openoffice.Office.Linguistic/General", "DefaultLocale_CJK", locale);
    let build: String = build.chars().filter(|c| c.is_ascii() && !"<>&\"'".contains(*c)).collect();
    item(&mut out, "/org.openoffice.Setup/Office", "LastCompatibilityCheckID", &build);
    out.push_str("</oor:items>\n");
    out
}

fn item(out: &mut String, path: &str, property: &str, value: &str) {
    out.push_str(&format!(
        "<item oor:path=\"{path}\"><prop oor:name=\"{property}\" oor:op=\"fuse\"><value>{value}</value></prop></item>\n"
    ));
}

const SCRIPTING: &str = "/org.openoffice.Office.Common/Security/Scripting";
const MISC: &str = "/org.openoffice.Office.Common/Misc";

/// Path, property, value.
const SETTINGS: &[(&str, &str, &str)] = &[
    (SCRIPTING, "DisableMacrosExecution", "true"),
    // 3 is "very high": only from trusted places, and there are none.
    (SCRIPTING, "MacroSecurityLevel", "3"),
    (SCRIPTING, "BlockUntrustedRefererLinks", "true"),
    (SCRIPTING, "CheckDocumentEvents", "true"),
    // Known from 7.6 on; earlier versions leave out what they do not know.
    (SCRIPTING, "DisableActiveContent", "true"),
    (SCRIPTING, "DisableOLEAutomation", "true"),
    // Links: 0 is never in Writer, 1 is never in Calc.
    ("/org.openoffice.Office.Writer/Content/Update", "Link", "0"),
    ("/org.openoffice.Office.Calc/Content/Update", "Link", "1"),
    ("/org.openoffice.Office.Java/VirtualMachine", "Enable", "false"),
    // Nothing is asked, offered, remembered or drawn by other processors.
    (MISC, "FirstRun", "false"),
    (MISC, "UseOpenCL", "false"),
    (MISC, "ShowTipOfTheDay", "false"),
    ("/org.openoffice.Office.Common/History", "PickListSize", "0"),
    ("/org.openoffice.Office.Common/VCL", "UseSkia", "false"),
    ("/org.openoffice.Office.Recovery/AutoSave", "Enabled", "false"),
    ("/org.openoffice.Office.Recovery/RecoveryInfo", "Enabled", "false"),
    ("/org.openoffice.Office.Calc/Formula/Calculation", "UseThreadedCalculationForFormulaGroups", "false"),
    ("/org.openoffice.Setup/Office", "ooSetupInstCompleted", "true"),
    // The language of what LibreOffice itself says, for example in names of styles that it makes.
    ("/org.openoffice.Setup/L10N", "ooLocale", "en-US"),
];

/// The value of `buildid` in `program/versionrc`.
pub(super) fn build_id(versionrc: &str) -> Option<&str> {
    versionrc.lines().find_map(|line| line.strip_prefix("buildid=")).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_one_item_each() {
        let text = settings("ja-JP", "40(Build:2)");
        assert_eq!(text.matches("<item ").count(), SETTINGS.len() + 3);
        assert_eq!(text.matches("<item ").count(), text.matches("</item>").count());
        assert!(text.contains("\"DisableMacrosExecution\" oor:op=\"fuse\"><value>true<"));
        assert!(text.contains("\"ooSetupSystemLocale\" oor:op=\"fuse\"><value>ja-JP<"));
    }

    #[test]
    fn the_build_is_found_in_versionrc() {
        assert_eq!(build_id("[Version]\nAllLanguages=en-US ja\nbuildid=40(Build:2)\nVendor=x\n"), Some("40(Build:2)"));
        assert_eq!(build_id("[Version]\n"), None);
    }
}
