//! Which fonts a drawing is lettered with: those of the room, whatever it names.

use std::sync::Arc;

use resvg::usvg::fontdb::{Database, ID, Source};
use resvg::usvg::{Font, FontFamily, FontResolver};
use skrifa::{FontRef, MetadataProvider};

use crate::fonts::{Fonts, Script, Wish};

/// The fonts for the wishes that a drawing can have.
pub(super) struct Chosen {
    database: Arc<Database>,
    faces: Vec<(Wish, ID)>,
}

impl Chosen {
    pub(super) fn none() -> Chosen {
        Chosen { database: Arc::new(Database::new()), faces: Vec::new() }
    }

    pub(super) fn new(fonts: &Fonts) -> Chosen {
        let mut database = Database::new();
        let mut faces = Vec::new();
        let mut loaded: Vec<(&str, u32, ID)> = Vec::new();
        let scripts = [Script::Japanese, Script::SimplifiedChinese, Script::TraditionalChinese, Script::Korean];
        for script in scripts {
            for (serif, bold) in [(false, false), (true, false), (false, true), (true, true)] {
                let wish = Wish { script, serif, bold, proportional: true };
                let Some(file) = fonts.pick(&wish) else { continue };
                let known = loaded.iter().find(|(name, index, _)| (*name, *index) == (&*file.name, file.index));
                let id = match known {
                    Some((.., id)) => Some(*id),
                    None => {
                        let ids = database.load_font_source(Source::Binary(Arc::clone(&file.bytes)));
                        ids.into_iter().find(|id| database.face(*id).is_some_and(|face| face.index == file.index))
                    }
                };
                if let Some(id) = id {
                    loaded.push((&file.name, file.index, id));
                    faces.push((wish, id));
                }
            }
        }
        Chosen { database: Arc::new(database), faces }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.faces.is_empty()
    }

    pub(super) fn database(&self) -> Arc<Database> {
        Arc::clone(&self.database)
    }

    pub(super) fn resolver(&self) -> FontResolver<'_> {
        FontResolver {
            select_font: Box::new(|font, _| self.select(font)),
            select_fallback: Box::new(|letter, used, database| {
                let others = self.faces.iter().map(|(_, id)| *id).filter(|id| !used.contains(id));
                others.into_iter().find(|id| has(database, *id, letter))
            }),
        }
    }

    fn select(&self, font: &Font) -> Option<ID> {
        let named = font.families().iter().find_map(|family| match family {
            FontFamily::Serif => Some(wish_of(true)),
            FontFamily::SansSerif | FontFamily::Monospace => Some(wish_of(false)),
            FontFamily::Named(name) => Wish::of_name(name, None).or_else(|| western(name)),
            FontFamily::Cursive | FontFamily::Fantasy => None,
        });
        let wish = named.unwrap_or(wish_of(false));
        let bold = wish.bold || font.weight() >= 600;
        let score = |face: &Wish| {
            (u8::from(face.script == wish.script) << 2)
                + (u8::from(face.serif == wish.serif) << 1)
                + u8::from(face.bold == bold)
        };
        let best = self.faces.iter().reduce(|best, face| if score(&face.0) > score(&best.0) { face } else { best });
        best.map(|(_, id)| *id)
    }
}

fn wish_of(serif: bool) -> Wish {
    Wish { script: Script::Japanese, serif, bold: false, proportional: true }
}

/// Names of western fonts with serifs; of others nothing is said.
fn western(name: &str) -> Option<Wish> {
    let lower = name.to_ascii_lowercase();
    let serif =
        ["times", "georgia", "garamond", "cambria", "palatino", "serif"].iter().any(|part| lower.contains(part));
    Some(wish_of(serif && !lower.contains("sans")))
}

fn has(database: &Database, id: ID, letter: char) -> bool {
    let mapped = database.with_face_data(id, |bytes, index| {
        FontRef::from_index(bytes, index).ok().is_some_and(|font| font.charmap().map(letter).is_some())
    });
    mapped.unwrap_or(false)
}
