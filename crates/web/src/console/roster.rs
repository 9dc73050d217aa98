//! A list of accounts as a personnel section keeps it, and how it differs from the accounts that there are.
//!
//! Comma- or tab-separated (RFC 4180 quoting), so that rows copied out of a spreadsheet can be pasted. An empty cell changes nothing; `-` takes
//! a mail address away.

use std::collections::{HashMap, HashSet};

use engine::catalogue::Language;
use store::{Role, Source, User, UserState};
use unicode_normalization::UnicodeNormalization;

use crate::{
    console::users::{NoAddress, address},
    people::sign_in::valid_name,
    role,
    texts::{Texts, texts},
};

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Its line in the text, from 1.
    line: usize,
    name: String,
    role: Option<Role>,
    /// The inner `None` takes the address away.
    address: Option<Option<String>>,
    state: Option<UserState>,
}

/// One difference between the list and the accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Draft {
    /// A new account.
    Add { name: String, role: Role, address: Option<String> },
    /// An account that is changed or stopped.
    Set {
        name: String,
        role: Option<(Role, Role)>,
        address: Option<(Option<String>, Option<String>)>,
        state: Option<UserState>,
    },
}

/// What is wrong with a line; line 0 is the whole list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) line: usize,
    pub(super) why: Why,
}

/// Why a list cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Quote,
    NoName,
    Column,
    Empty,
    TooLong,
    TooManyNew,
    Name,
    Role,
    Address,
    State,
    Twice,
    AddressTaken,
    Oneself,
    Elsewhere,
    Platform,
}

impl Why {
    pub(super) fn text(self, t: &Texts) -> &'static str {
        match self {
            Self::Quote => t.roster_quote,
            Self::NoName => t.roster_no_name,
            Self::Column => t.roster_column,
            Self::Empty => t.roster_empty,
            Self::TooLong => t.roster_too_long,
            Self::TooManyNew => t.roster_too_many_new,
            Self::Name => t.user_name_bad,
            Self::Role => t.roster_role,
            Self::Address => t.user_address_bad,
            Self::State => t.roster_state,
            Self::Twice => t.roster_twice,
            Self::AddressTaken => t.user_address_taken,
            Self::Oneself => t.user_not_oneself,
            Self::Elsewhere => t.user_elsewhere,
            Self::Platform => t.user_platform,
        }
    }
}

/// Reads a list. Its first line names the columns.
pub(super) fn read(text: &str) -> Result<Vec<Row>, Vec<Wrong>> {
    let text = text.trim_start_matches('\u{feff}');
    let separator = if text.lines().next().unwrap_or_default().contains('\t') { '\t' } else { ',' };
    let mut records = records(text, separator).map_err(|wrong| vec![wrong])?.into_iter();
    let Some((line, header)) = records.next() else { return Err(vec![Wrong { line: 0, why: Why::Empty }]) };
    let mut columns = Vec::new();
    for cell in &header {
        columns.push(column(cell).ok_or_else(|| vec![Wrong { line, why: Why::Column }])?);
    }
    if !columns.contains(&Column::Name) {
        return Err(vec![Wrong { line, why: Why::NoName }]);
    }
    let (mut rows, mut wrong, mut names) = (Vec::new(), Vec::new(), HashSet::new());
    for (line, cells) in records {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if rows.len() >= MOST_ROWS {
            wrong.push(Wrong { line, why: Why::TooLong });
            break;
        }
        match row(line, &columns, &cells) {
            Ok(row) if !names.insert(row.name.clone()) => wrong.push(Wrong { line, why: Why::Twice }),
            Ok(row) => rows.push(row),
            Err(why) => wrong.push(Wrong { line, why }),
        }
    }
    match (wrong.is_empty(), rows.is_empty()) {
        (false, _) => Err(wrong),
        (true, true) => Err(vec![Wrong { line: 0, why: Why::Empty }]),
        (true, false) => Ok(rows),
    }
}

/// What accounts are not in the list for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// Nothing becomes of them.
    Stay,
    /// They are stopped: the list is complete.
    Stop,
}

/// The differences, in the order of the list; then those who are not in it. `own` is the name of whoever asks: they neither change their own
/// rights nor stop themselves.
pub(super) fn differences(rows: &[Row], users: &[User], absent: Absent, own: &str) -> Result<Vec<Draft>, Vec<Wrong>> {
    let known: HashMap<&str, &User> = users.iter().map(|user| (user.name.as_str(), user)).collect();
    let mut addresses: HashMap<&str, Option<&str>> =
        users.iter().map(|user| (user.name.as_str(), user.address.as_deref())).collect();
    let (mut drafts, mut wrong) = (Vec::new(), Vec::new());
    for row in rows {
        if let Some(address) = &row.address {
            addresses.insert(&row.name, address.as_deref());
        }
        let Some(user) = known.get(row.name.as_str()) else {
            let (name, role) = (row.name.clone(), row.role.unwrap_or(Role::Staff));
            if row.state != Some(UserState::Disabled) {
                if role == Role::PlatformAdmin {
                    wrong.push(Wrong { line: row.line, why: Why::Platform });
                }
                drafts.push(Draft::Add { name, role, address: row.address.clone().flatten() });
            }
            continue;
        };
        let role = row.role.filter(|role| *role != user.role).map(|role| (user.role, role));
        let address = row.address.clone().filter(|address| *address != user.address);
        let address = address.map(|address| (user.address.clone(), address));
        let state = row.state.filter(|state| *state != user.state);
        if row.name == own && (role.is_some() || state.is_some()) {
            wrong.push(Wrong { line: row.line, why: Why::Oneself });
        }
        // What an account from elsewhere may do is what its groups say.
        if user.source != Source::Local && role.is_some() {
            wrong.push(Wrong { line: row.line, why: Why::Elsewhere });
        }
        if role.is_some() || address.is_some() || state.is_some() {
            let stops = role.is_none() && address.is_none() && state == Some(UserState::Disabled);
            let is_one = user.role == Role::PlatformAdmin && !(stops && user.source != Source::Local);
            if is_one || row.role == Some(Role::PlatformAdmin) {
                wrong.push(Wrong { line: row.line, why: Why::Platform });
            }
            drafts.push(Draft::Set { name: row.name.clone(), role, address, state });
        }
    }
    let mut taken = HashMap::new();
    for address in addresses.values().copied().flatten() {
        *taken.entry(address).or_insert(0_u32) += 1;
    }
    for row in rows {
        let address = row.address.as_ref().and_then(Option::as_deref);
        if address.is_some_and(|address| taken.get(address).is_some_and(|count| *count > 1)) {
            wrong.push(Wrong { line: row.line, why: Why::AddressTaken });
        }
    }
    if drafts.iter().filter(|draft| matches!(draft, Draft::Add { .. })).count() > MOST_NEW {
        wrong.push(Wrong { line: 0, why: Why::TooManyNew });
    }
    if absent == Absent::Stop {
        let listed: HashSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        let gone = users.iter().filter(|user| !listed.contains(user.name.as_str()));
        let gone = gone.filter(|user| user.state == UserState::Active && user.name != own);
        // Who is looked after on the machine stands in no list.
        let gone = gone.filter(|user| user.role != Role::PlatformAdmin || user.source != Source::Local);
        drafts.extend(gone.map(|user| Draft::Set {
            name: user.name.clone(),
            role: None,
            address: None,
            state: Some(UserState::Disabled),
        }));
    }
    if wrong.is_empty() { Ok(drafts) } else { Err(wrong) }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Name,
    Role,
    Address,
    State,
}

fn column(cell: &str) -> Option<Column> {
    // Whatever width people type letters in.
    let cell = cell.trim().nfkc().collect::<String>().to_lowercase();
    Some(match cell.as_str() {
        "name" | "利用者id" => Column::Name,
        "role" | "役割" => Column::Role,
        "address" | "mail" | "メールアドレス" => Column::Address,
        "state" | "状態" => Column::State,
        _ => return None,
    })
}

fn row(line: usize, columns: &[Column], cells: &[String]) -> Result<Row, Why> {
    let mut row = Row { line, name: String::new(), role: None, address: None, state: None };
    for (column, cell) in columns.iter().zip(cells) {
        let cell = cell.trim();
        match (column, cell) {
            (_, "") => {}
            (Column::Name, name) => row.name = name.to_owned(),
            (Column::Role, word) => row.role = Some(role_of(word).ok_or(Why::Role)?),
            (Column::Address, "-") => row.address = Some(None),
            (Column::Address, text) => match address(text) {
                Ok(address) => row.address = Some(address),
                Err(NoAddress) => return Err(Why::Address),
            },
            (Column::State, word) => row.state = Some(state_of(word).ok_or(Why::State)?),
        }
    }
    if valid_name(&row.name) { Ok(row) } else { Err(Why::Name) }
}

fn role_of(word: &str) -> Option<Role> {
    let named = |language| Role::ALL.into_iter().find(|one| role::name(*one, texts(language)) == word);
    Role::tagged(word).or_else(|| named(Language::Ja)).or_else(|| named(Language::En))
}

fn state_of(word: &str) -> Option<UserState> {
    match word {
        "active" | "有効" => Some(UserState::Active),
        "disabled" | "停止" => Some(UserState::Disabled),
        _ => None,
    }
}

/// Records with the line that each begins on. A quoted cell may hold separators, line ends and doubled quotes.
fn records(text: &str, separator: char) -> Result<Vec<(usize, Vec<String>)>, Wrong> {
    let mut found = Vec::new();
    let (mut line, mut begun) = (1_usize, 1_usize);
    let (mut cells, mut cell): (Vec<String>, String) = (Vec::new(), String::new());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if cell.is_empty() => loop {
                match letters.next() {
                    Some('"') if letters.next_if_eq(&'"').is_some() => cell.push('"'),
                    Some('"') => break,
                    Some(letter) => {
                        line = line.saturating_add(usize::from(letter == '\n'));
                        cell.push(letter);
                    }
                    None => return Err(Wrong { line: begun, why: Why::Quote }),
                }
            },
            '\r' => {}
            '\n' => {
                cells.push(std::mem::take(&mut cell));
                found.push((begun, std::mem::take(&mut cells)));
                line = line.saturating_add(1);
                begun = line;
            }
            letter if letter == separator => cells.push(std::mem::take(&mut cell)),
            letter => cell.push(letter),
        }
    }
    if !cell.is_empty() || !cells.is_empty() {
        cells.push(cell);
        found.push((begun, cells));
    }
    Ok(found)
}

/// Rows of one list.
const MOST_ROWS: usize = 5_000;
/// New accounts of one list: each password takes a moment to hash.
const MOST_NEW: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use store::{Timestamp, UserId};

    fn user(name: &str, role: Role, address: Option<&str>, state: UserState) -> User {
        User {
            id: UserId(1),
            name: name.to_owned(),
            password_hash: String::new(),
            role,
            state,
            failed_sign_ins: 0,
            locked_until: None,
            created: Timestamp::default(),
            last_sign_in: None,
            must_change: false,
            address: address.map(str::to_owned),
            second_factor: false,
            source: Source::Local,
            confirmed: None,
        }
    }

    fn wrong(text: &str) -> Vec<(usize, Why)> {
        read(text).unwrap_err().into_iter().map(|wrong| (wrong.line, wrong.why)).collect()
    }

    #[test]
    fn rows_are_read_out_of_a_spreadsheet_or_a_file() {
        let pasted =
            "利用者ID\t役割\tメールアドレス\t状態\nsuzuki\t承認者\tSuzuki@city.example.jp\t\ntanaka\t\t-\t停止\n";
        let rows = read(pasted).unwrap();
        // As an input method leaves it.
        assert_eq!(read(&pasted.replace("利用者ID", "利用者ＩＤ")).unwrap(), rows);
        assert_eq!((rows[0].line, rows[0].role), (2, Some(Role::Approver)));
        assert_eq!(rows[0].address, Some(Some("suzuki@city.example.jp".to_owned())));
        assert_eq!((rows[1].address.clone(), rows[1].state), (Some(None), Some(UserState::Disabled)));
        let file = "\u{feff}name,role\r\n\"suzuki\",\"staff\"\r\n\r\ntanaka,operator";
        let rows = read(file).unwrap();
        assert_eq!((rows[1].line, rows[1].name.as_str(), rows[1].role), (4, "tanaka", Some(Role::Operator)));
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_line() {
        assert_eq!(wrong(""), [(0, Why::Empty)]);
        assert_eq!(wrong("role\nstaff"), [(1, Why::NoName)]);
        assert_eq!(wrong("name,shoe size\na,b"), [(1, Why::Column)]);
        assert_eq!(wrong("name\n\"suzuki"), [(2, Why::Quote)]);
        assert_eq!(wrong("name\nsuzuki\nsuzuki"), [(3, Why::Twice)]);
        let list = "name,role,address,state\nX,,,\nsuzuki,king,,\ntanaka,,a b,\nsatoh,,,asleep\n";
        assert_eq!(wrong(list), [(2, Why::Name), (3, Why::Role), (4, Why::Address), (5, Why::State)]);
        let many: String =
            std::iter::once("name\n".to_owned()).chain((0..5_001).map(|n| format!("user{n}\n"))).collect();
        assert_eq!(wrong(&many), [(5_002, Why::TooLong)]);
    }

    #[test]
    fn the_list_is_compared_with_the_accounts() {
        let users = [
            user("kanri01", Role::TenantAdmin, None, UserState::Active),
            user("suzuki", Role::Staff, Some("one@x.jp"), UserState::Active),
            user("tanaka", Role::Staff, Some("two@x.jp"), UserState::Active),
            user("gone", Role::Staff, None, UserState::Active),
            user("left", Role::Staff, None, UserState::Disabled),
        ];
        // The two swap their addresses, one comes, one goes; nothing becomes of those who are as the list says.
        let rows = read("name,role,address\nsuzuki,,two@x.jp\ntanaka,approver,one@x.jp\nnew01,,\nkanri01,,\n").unwrap();
        let drafts = differences(&rows, &users, Absent::Stop, "kanri01").unwrap();
        let names: Vec<&str> = drafts
            .iter()
            .map(|draft| match draft {
                Draft::Add { name, .. } | Draft::Set { name, .. } => name.as_str(),
            })
            .collect();
        assert_eq!(names, ["suzuki", "tanaka", "new01", "gone"]);
        assert_eq!(drafts[2], Draft::Add { name: "new01".to_owned(), role: Role::Staff, address: None });
        assert!(matches!(drafts[3], Draft::Set { state: Some(UserState::Disabled), .. }));
        assert_eq!(differences(&rows, &users, Absent::Stay, "kanri01").unwrap().len(), 3);
        let refused = |list: &str| {
            let wrong = differences(&read(list).unwrap(), &users, Absent::Stay, "kanri01").unwrap_err();
            wrong.into_iter().map(|wrong| (wrong.line, wrong.why)).collect::<Vec<_>>()
        };
        assert_eq!(refused("name,role\nkanri01,staff"), [(2, Why::Oneself)]);
        assert_eq!(refused("name,address\nsuzuki,two@x.jp"), [(2, Why::AddressTaken)]);
        // Whoever runs the gateway as a whole is neither made nor stopped by a list, nor let in again.
        let with_platform = [user("kencho", Role::PlatformAdmin, None, UserState::Active)];
        let compare = |list: &str, absent| differences(&read(list).unwrap(), &with_platform, absent, "kanri01");
        for list in [
            "name,role\nnew01,全体管理者",
            "name,role\nkencho,staff",
            "name,state\nkencho,停止",
            "name,address\nkencho,a@x.jp",
        ] {
            assert_eq!(compare(list, Absent::Stay).unwrap_err(), [Wrong { line: 2, why: Why::Platform }], "{list}");
        }
        assert_eq!(compare("name\nnew01", Absent::Stop).unwrap().len(), 1);
        // One that is made elsewhere can be stopped, and no more.
        let from_elsewhere = [User { source: Source::Provider, ..with_platform[0].clone() }];
        let compare = |list: &str, absent| differences(&read(list).unwrap(), &from_elsewhere, absent, "kanri01");
        assert_eq!(compare("name,state\nkencho,停止", Absent::Stay).unwrap().len(), 1);
        assert_eq!(compare("name\nnew01", Absent::Stop).unwrap().len(), 2);
        assert!(compare("name,address,state\nkencho,a@x.jp,停止", Absent::Stay).is_err());
        // An account of a directory may be stopped here, but gets its role there.
        let theirs = [User { source: Source::Directory, ..user("yamada", Role::Staff, None, UserState::Active) }];
        let compare = |list: &str| differences(&read(list).unwrap(), &theirs, Absent::Stay, "kanri01");
        assert_eq!(compare("name,role\nyamada,operator").unwrap_err(), [Wrong { line: 2, why: Why::Elsewhere }]);
        assert_eq!(compare("name,role,state\nyamada,staff,停止").unwrap().len(), 1);
    }
}
