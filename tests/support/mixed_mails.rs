//! A month of one site's locked mails and password mails as they come: interleaved, of several partners, some forged.

#![allow(dead_code, reason = "each test uses its own part of this")]

use super::password_mails::{Dice, PasswordMail, one};

/// How the password of a locked mail is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In a mail of its own after it.
    After,
    /// In a mail of its own before it.
    Before,
    /// By a colleague of the sender, who answers the locked mail and quotes it.
    ColleagueAnswers,
    /// In a mail that the sender forwards, quoted.
    Forwarded,
    /// In an answer of the sender, above what it quotes.
    Answer,
}

/// A locked mail and the mail that tells its password.
pub struct Pair {
    pub number: usize,
    pub sender: String,
    pub recipient: String,
    pub way: Way,
    pub teller: String,
    pub told: PasswordMail,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// The locked mail of this pair.
    Locked(usize),
    /// The mail with its password.
    Told(usize),
    /// A mail with other words, whose From is the sender's and whose reverse-path is not.
    Forged(usize),
    /// The right password, sent by somebody else to somebody else.
    Misled(usize),
    /// The right password, by the sender, to a recipient of other mails.
    Elsewhere(usize),
}

impl Pair {
    pub fn content(&self) -> String {
        format!("content {}\n", self.number)
    }

    pub fn message_id(&self) -> String {
        format!("pair{}", self.number)
    }

    /// The fields that tie the password mail to the locked one.
    pub fn thread(&self) -> String {
        match self.way {
            Way::ColleagueAnswers | Way::Answer => {
                let id = self.message_id();
                format!("In-Reply-To: <{id}@partner.example.co.jp>\r\nReferences: <{id}@partner.example.co.jp>\r\n")
            }
            Way::After | Way::Before | Way::Forwarded => String::new(),
        }
    }
}

/// So many pairs, of a third as many senders to recipients of whom each has several partners: two or three locked mails of one
/// sender, with a password each, to one recipient or to several. The same seed gives the same.
pub fn mixed(count: usize, seed: u64) -> (Vec<Pair>, Vec<Event>) {
    let mut dice = Dice::new(seed);
    let pairs: Vec<Pair> = (0..count).map(|number| pair(&mut dice, number, count)).collect();
    let mut events: Vec<(usize, usize, Event)> = Vec::new();
    for pair in &pairs {
        let number = pair.number;
        // Pairs that lie near each other are sent in each other's midst.
        let at = number * 10 + dice.roll(60);
        let later = at + 1 + dice.roll(60);
        let (locked, told) = if pair.way == Way::Before { (later, at) } else { (at, later) };
        events.push((locked, number, Event::Locked(number)));
        events.push((told, number, Event::Told(number)));
        match number % 6 {
            0 => events.push((at + dice.roll(60), number, Event::Forged(number))),
            2 => events.push((later, number, Event::Misled(number))),
            4 => events.push((later, number, Event::Elsewhere(number))),
            _ => {}
        }
    }
    events.sort_by_key(|(at, number, _)| (*at, *number));
    (pairs, events.into_iter().map(|(.., event)| event).collect())
}

fn pair(dice: &mut Dice, number: usize, count: usize) -> Pair {
    let partner = number / 3;
    let recipients = (count / 4).max(2);
    // One sender writes to one recipient twice and to another once, or to three.
    let recipient = if partner.is_multiple_of(2) { partner % recipients } else { (partner + number % 3) % recipients };
    let ways = [Way::After, Way::After, Way::After, Way::Before, Way::ColleagueAnswers, Way::Forwarded, Way::Answer];
    let way = ways[dice.roll(ways.len())];
    let sender = format!("s{partner}@p{partner}.example.jp");
    let mut told = one(dice, number);
    let quoted: String = told.text.lines().map(|line| format!("> {line}\n")).collect();
    match way {
        Way::After | Way::Before => {}
        Way::Forwarded => {
            told.subject = format!("FW: {}", told.subject);
            told.text =
                format!("転送します。ご確認ください。\n\n----- Original Message -----\nFrom: s{partner}\n\n{quoted}");
        }
        Way::ColleagueAnswers | Way::Answer => {
            told.subject = "Re: meibo".to_owned();
            told.text = format!(
                "{}\n\n2026年11月21日(土) 9:12 s{partner}:\n> The list is attached.\n> 件数は128件、版は v2.10 です。\n",
                told.text
            );
        }
    }
    let teller = match way {
        Way::ColleagueAnswers => format!("colleague@other{partner}.example.com"),
        Way::After | Way::Before | Way::Forwarded | Way::Answer => sender.clone(),
    };
    Pair { number, sender, recipient: format!("r{recipient}@city.example.lg.jp"), way, teller, told }
}
