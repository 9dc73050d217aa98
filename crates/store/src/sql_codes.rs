//! The codes of enums that stand as numbers in statements. Most are bound; where an index covers only some rows, SQLite uses it only when
//! the statement says the same number, so those are written out. Each must still mean what [`Coded`] says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::codec::Coded;
use crate::figures::Figure;
use crate::{
    ChangeState, DeliveryState, HookState, OriginKind, QuarantineState, QueueState, RequestState, RetryState, Role,
    Source, UserState, Verdict,
};

/// Columns that hold a code.
const COLUMNS: [&str; 13] = [
    "class", "decision", "kind", "need", "origin", "outcome", "policy", "role", "site", "source", "stage", "state",
    "verdict",
];

/// What an alias stands for in pieces of a statement that do not name its table.
const ALIASES: [(&str, &str); 3] = [("delivery", "delivery"), ("m", "message"), ("r", "request")];

/// Table, column, comparison, number.
type Condition = (&'static str, &'static str, &'static str, i64);

/// The variants that a condition holds for, by their codes, and those that it is meant for.
type Meaning = (BTreeSet<String>, BTreeSet<String>);

/// What the conditions in statements mean.
fn meanings() -> BTreeMap<Condition, Meaning> {
    let mut all = BTreeMap::new();
    let mut says = |of: Condition, codes: &[(String, i64)], names: &[&str]| {
        let holds = codes.iter().filter(|(_, code)| compare(*code, of.2, of.3)).map(|(name, _)| name.clone());
        all.insert(of, (holds.collect(), names.iter().map(|name| (*name).to_owned()).collect()));
    };
    let jobs = coded::<QueueState>();
    says(("job", "state", "=", 0), &jobs, &["Ready"]);
    says(("job", "state", "=", 1), &jobs, &["Running"]);
    says(("delivery", "state", "<", 2), &coded::<DeliveryState>(), &["Pending", "Retry"]);
    let items = coded::<QuarantineState>();
    says(("quarantine", "state", "=", 0), &items, &["Held"]);
    says(("quarantine", "state", "=", 2), &items, &["Purged"]);
    says(("quarantine", "state", "<", 2), &items, &["Held", "Released"]);
    says(("request", "state", "<", 2), &coded::<RequestState>(), &["Open", "Approved"]);
    says(("retry", "state", "=", 0), &coded::<RetryState>(), &["Waiting"]);
    let sets = coded::<ChangeState>();
    says(("change_set", "state", "=", 0), &sets, &["Planned"]);
    says(("change_set", "state", "=", 1), &sets, &["Done"]);
    says(("change_set", "state", "=", 2), &sets, &["Withdrawn"]);
    let hooks = coded::<HookState>();
    says(("hook_delivery", "state", "=", 0), &hooks, &["Waiting"]);
    says(("hook_delivery", "state", "=", 1), &hooks, &["Taken"]);
    says(("hook_delivery", "state", "=", 2), &hooks, &["GivenUp"]);
    says(("hook_delivery", "state", ">", 0), &hooks, &["Taken", "GivenUp"]);
    says(("users", "state", "=", 0), &coded::<UserState>(), &["Active"]);
    says(("users", "source", "=", 0), &coded::<Source>(), &["Local"]);
    says(("users", "source", "<>", 0), &coded::<Source>(), &["Directory", "Provider"]);
    says(("users", "role", "=", 5), &coded::<Role>(), &["PlatformAdmin"]);
    let origins = coded::<OriginKind>();
    says(("message", "origin", "<", 2), &origins, &["Mail", "Upload"]);
    says(("message", "origin", ">", 0), &origins, &["Upload", "Notice", "Unlocked"]);
    says(("message", "origin", "<>", 0), &origins, &["Upload", "Notice", "Unlocked"]);
    let verdicts = coded::<Verdict>();
    says(("message", "verdict", ">", 0), &verdicts, &["SanitisedWithWithheld", "NoticeOnly", "GivenUp"]);
    says(("message", "verdict", "=", 2), &verdicts, &["NoticeOnly"]);
    says(("message", "verdict", "=", 3), &verdicts, &["GivenUp"]);
    let figures: Vec<(String, i64)> =
        [Figure::Accepted, Figure::Finished, Figure::Withheld, Figure::Kind, Figure::Took, Figure::Delivery]
            .into_iter()
            .chain([Figure::Refused])
            .map(|figure| (format!("{figure:?}"), figure.code()))
            .collect();
    let names = ["Accepted", "Finished", "Withheld", "Kind", "Took", "Delivery", "Refused"];
    for (code, name) in (0..).zip(names) {
        says(("figure", "kind", "=", code), &figures, &[name]);
    }
    all
}

fn coded<T: Coded + std::fmt::Debug>() -> Vec<(String, i64)> {
    T::ALL.iter().map(|(value, code)| (format!("{value:?}"), *code)).collect()
}

fn compare(code: i64, op: &str, number: i64) -> bool {
    match op {
        "=" => code == number,
        "<>" => code != number,
        "<" => code < number,
        ">" => code > number,
        _ => panic!("nobody compares codes by {op}"),
    }
}

#[test]
fn every_number_in_a_statement_means_what_the_code_says() {
    let meanings = meanings();
    for (of, (holds, says)) in &meanings {
        assert_eq!(holds, says, "{of:?}");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    let mut look = |file: &str, statement: &str| {
        for (table, column, op, number) in numbers(file, statement) {
            let known = meanings.keys().find(|known| **known == (&*table, &*column, &*op, number));
            let known = known.unwrap_or_else(|| panic!("{file}: {table}.{column} {op} {number} in {statement}"));
            found.insert(*known);
        }
    };
    let mut open = vec![root.join("src")];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("listed") {
            let path = entry.expect("an entry").path();
            let file = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() {
                open.push(path);
            } else if file != "sql_codes.rs" {
                let text = std::fs::read_to_string(&path).expect("read");
                strings(&text).iter().for_each(|statement| look(&file, statement));
            }
        }
    }
    for entry in std::fs::read_dir(root.join("migrations")).expect("listed") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("read");
        let plain: String = text
            .lines()
            .map(|line| line.split("--").next().unwrap_or_default())
            .fold(String::new(), |all, line| all + line + "\n");
        plain.split(';').for_each(|statement| look("migrations", statement));
    }
    let unused: Vec<_> = meanings.keys().filter(|known| known.0 != "figure" && !found.contains(*known)).collect();
    assert!(unused.is_empty(), "no statement says {unused:?}");
}

/// The string literals of a source file.
fn strings(text: &str) -> Vec<String> {
    let mut rest = text;
    let mut all = Vec::new();
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let raw = rest[..at].ends_with("r#") || rest[..at].ends_with('r');
        let from = &rest[at..];
        rest = if from.starts_with("//") {
            from.split_once('\n').map_or("", |(_, rest)| rest)
        } else if let Some(after) = from.strip_prefix("'\"'").or(from.strip_prefix("'\\\"'")) {
            after
        } else if let Some(inner) = from.strip_prefix('"') {
            let mut end = 0;
            while let Some(c) = inner[end..].chars().next().filter(|c| *c != '"') {
                end += c.len_utf8();
                if c == '\\' && !raw {
                    end += inner[end..].chars().next().map_or(0, char::len_utf8);
                }
            }
            all.push(inner[..end].replace("\\\n", " "));
            inner.get(end + 1..).unwrap_or_default()
        } else {
            &from[1..]
        };
    }
    all
}

/// Comparisons of codes with numbers in a statement: table, column, operator, number.
fn numbers(file: &str, statement: &str) -> Vec<(String, String, String, i64)> {
    let tokens = tokens(statement);
    let at = |index: usize| tokens.get(index).map_or("", String::as_str);
    // Which table each pair of parentheses is about, and what is called otherwise.
    let (mut scopes, mut open, mut scope_of) = (vec![(0, Vec::new())], vec![0], Vec::new());
    let mut aliases: BTreeMap<String, String> = BTreeMap::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "(" => {
                scopes.push((*open.last().unwrap_or(&0), Vec::new()));
                open.push(scopes.len() - 1);
            }
            ")" if open.len() > 1 => drop(open.pop()),
            _ => {}
        }
        let scope = *open.last().unwrap_or(&0);
        scope_of.push(scope);
        let leads = ["FROM", "JOIN", "UPDATE", "INTO", "ON"].contains(&token.as_str());
        let table = at(index + 1);
        if leads && !table.is_empty() && table.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            scopes[scope].1.push((index, table.to_owned()));
            aliases.insert(table.to_owned(), table.to_owned());
            // A trigger's.
            for name in ["NEW", "OLD"].iter().filter(|_| token == "ON") {
                aliases.insert((*name).to_owned(), table.to_owned());
            }
            let alias = if at(index + 2) == "AS" { at(index + 3) } else { at(index + 2) };
            if !alias.is_empty() && alias.chars().all(|c| c.is_ascii_lowercase()) {
                aliases.insert(alias.to_owned(), table.to_owned());
            }
        }
    }
    let table_of = |index: usize, alias: Option<&str>| -> String {
        if let Some(alias) = alias {
            let piece = ALIASES.iter().find(|(name, _)| *name == alias).map(|(_, table)| (*table).to_owned());
            return aliases
                .get(alias)
                .cloned()
                .or(piece)
                .unwrap_or_else(|| panic!("{file}: whose {alias}? {statement}"));
        }
        let mut scope = scope_of[index];
        loop {
            let (outer, tables) = &scopes[scope];
            let before = tables.iter().rev().find(|(place, _)| *place < index).or(tables.first());
            match before {
                Some((_, table)) => return table.clone(),
                None if scope == 0 => panic!("{file}: of which table? {statement}"),
                None => scope = *outer,
            }
        }
    };
    let mut all = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let (alias, column) = token.rsplit_once('.').map_or((None, token.as_str()), |(a, c)| (Some(a), c));
        if !COLUMNS.contains(&column) {
            continue;
        }
        let mut push = |op: &str, number: &str| {
            if let Ok(number) = number.parse() {
                all.push((table_of(index, alias), column.to_owned(), op.to_owned(), number));
            }
        };
        match at(index + 1) {
            "IN" => (index + 3..).step_by(2).take_while(|index| at(index - 1) != ")").for_each(|n| push("=", at(n))),
            op if op.starts_with(['=', '<', '>']) => push(op, at(index + 2)),
            _ => {}
        }
    }
    all
}

fn tokens(statement: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '?');
    let mut glued = false;
    for c in statement.chars() {
        let joins = all.last().is_some_and(|last| {
            last.chars().all(word) && word(c) || matches!((last.as_str(), c), ("<", '>' | '=') | (">", '='))
        });
        match all.last_mut().filter(|_| glued && joins) {
            Some(last) => last.push(c),
            None if c.is_whitespace() => {}
            None => all.push(c.to_string()),
        }
        glued = !c.is_whitespace();
    }
    all
}

#[test]
fn numbers_are_found_whatever_their_table_is_called() {
    let check = |statement: &str, expect: &[(&str, &str, &str, i64)]| {
        let found = numbers("a.rs", statement);
        let found: Vec<_> = found.iter().map(|(table, column, op, n)| (&**table, &**column, &**op, *n)).collect();
        assert_eq!(found, expect, "{statement}");
    };
    check("SELECT a FROM job WHERE state = 1 AND b = 2", &[("job", "state", "=", 1)]);
    check(
        "SELECT u.state = 0 FROM decision d JOIN users AS u ON u.id = d.id WHERE d.state<>?1",
        &[("users", "state", "=", 0)],
    );
    check(
        "UPDATE x SET a = 1 WHERE id IN (SELECT id FROM delivery WHERE state < 2) AND state IN (1, 2)",
        &[("delivery", "state", "<", 2), ("x", "state", "=", 1), ("x", "state", "=", 2)],
    );
    assert_eq!(strings(r##"f("a\"b", 'x', '"', r#"c"#) // "d""##), ["a\\\"b", "c"]);
}
