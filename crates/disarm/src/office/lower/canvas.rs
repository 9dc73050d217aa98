//! A canvas for drawings in a text ([MS-ODRAWXML] 2.8.2, `wpc:wpc`) becomes a group of the same shapes at the same places. Debian's LibreOffice
//! reads groups but no canvas: of that it reads what is meant for Word 2007, which does not cross, and would show nothing.

use form::office::{Markup, Namespace, Value};
use quick_xml::events::BytesStart;

use super::frames::{Choice, Frame, Role};
use super::scope::Mark;
use super::{Fault, Lowerer};

impl Lowerer<'_, '_, '_> {
    /// Begins a group in the place of a canvas.
    pub(super) fn enter_canvas(&mut self, mark: Mark) -> Result<bool, Fault> {
        let [.., width, height] = self.place;
        let group = format!(r#"wpg:wgp xmlns:wpg="{WPG}""#);
        if !self.begin(&BytesStart::from_content(group.as_str(), "wpg:wgp".len()))? {
            return Ok(false);
        }
        if let Some(group) = self.frames.last_mut() {
            group.mark = mark;
        }
        self.insert(&format!(
            r#"<wpg:cNvGrpSpPr xmlns:wpg="{WPG}"/><wpg:grpSpPr xmlns:wpg="{WPG}" xmlns:a="{A}"><a:xfrm><a:off x="0" y="0"/><a:ext cx="{width}" cy="{height}"/><a:chOff x="0" y="0"/><a:chExt cx="{width}" cy="{height}"/></a:xfrm></wpg:grpSpPr>"#
        ))?;
        Ok(true)
    }

    /// Says of the graphic around that it is one of a group, and of the choice around that it asks for who knows groups. False where the
    /// graphic is written already.
    pub(super) fn becomes_group(&mut self) -> bool {
        let graphic = self.frames.iter().rev().find_map(|frame| match &frame.role {
            Role::Element(element) => Some((element.start, element.of, element.is_written)),
            _ => None,
        });
        let Some((start, of, false)) = graphic.filter(|(_, of, _)| of.is("a", "graphicData")) else { return false };
        let (Some(uri), Some(group)) =
            (of.attribute_named(Namespace::NONE, "uri"), Namespace::all().find(|each| each.uri() == WPG))
        else {
            return false;
        };
        let Some(Markup::Attribute(_, value)) = self
            .tape
            .iter_mut()
            .skip(start.saturating_add(1))
            .find(|step| matches!(step, Markup::Attribute(number, _) if *number == uri))
        else {
            return false;
        };
        *value = Value::Text(WPG.into());
        let choice = self.frames.iter().rev().find_map(|frame| match frame.role {
            Role::Choice(Choice { start, is_marked: true, is_written: false }) => Some(start),
            _ => None,
        });
        if let Some(Markup::Choice(required)) = choice.and_then(|start| self.tape.get_mut(start))
            && required.prefix() == "wpc"
        {
            *required = group;
        }
        true
    }

    /// Begins what is behind a canvas, or the line around it, as a shape of its size: the first shapes of the group.
    pub(super) fn enter_backing(&mut self, mark: Mark) -> Result<bool, Fault> {
        let [.., width, height] = self.place;
        let start = self.tape.len();
        let depth = self.frames.len();
        for (name, inside) in [
            (
                "wps:wsp",
                r#"<wps:cNvPr xmlns:wps="WPS" id="0" name="Canvas"/><wps:cNvSpPr xmlns:wps="WPS"/>"#.to_owned(),
            ),
            (
                "wps:spPr",
                format!(
                    r#"<a:xfrm xmlns:a="{A}"><a:off x="0" y="0"/><a:ext cx="{width}" cy="{height}"/></a:xfrm><a:prstGeom xmlns:a="{A}" prst="rect"><a:avLst/></a:prstGeom>"#
                ),
            ),
        ] {
            let content = format!(r#"{name} xmlns:wps="{WPS}""#);
            if !self.begin(&BytesStart::from_content(content.as_str(), name.len()))? {
                self.frames.truncate(depth);
                self.cut(start);
                return Ok(false);
            }
            self.insert(&inside.replace("WPS", WPS))?;
        }
        self.push(Role::Backing { start }, mark)
    }

    /// Ends that shape, which goes where nothing of it is seen.
    pub(super) fn end_backing(&mut self, start: usize) -> Result<(), Fault> {
        // What is written cannot be taken back.
        let is_written =
            matches!(self.frames.last(), Some(Frame { role: Role::Element(properties), .. }) if properties.is_written);
        if is_written || self.is_seen() {
            self.end()?;
            self.insert(&format!(r#"<wps:bodyPr xmlns:wps="{WPS}"/>"#))?;
            return self.end();
        }
        self.cut(start);
        for _ in 0..2 {
            if let Some(Frame { mark, .. }) = self.frames.pop() {
                self.scope.back_to(mark);
            }
        }
        Ok(())
    }

    /// Whether the properties of the shape that are read have a filling, or a line with one.
    fn is_seen(&self) -> bool {
        let Some(Frame { role: Role::Element(properties), .. }) = self.frames.last() else { return false };
        let mut open = vec![properties.of];
        for step in self.tape.iter().skip(properties.start.saturating_add(1)) {
            match step {
                Markup::Open(number) => {
                    let Some(of) = open.last().and_then(|around| around.child(*number)) else { return false };
                    if FILLINGS.contains(&of.name()) {
                        return true;
                    }
                    open.push(of);
                }
                Markup::Close => drop(open.pop()),
                Markup::Attribute(..) | Markup::Text(_) | Markup::Choice(_) | Markup::EndChoice => {}
            }
        }
        false
    }
}

const WPG: &str = "http://schemas.microsoft.com/office/word/2010/wordprocessingGroup";
const WPS: &str = "http://schemas.microsoft.com/office/word/2010/wordprocessingShape";
const A: &str = "http://schemas.openxmlformats.org/drawingml/2006/main";
const FILLINGS: [&str; 4] = ["solidFill", "gradFill", "blipFill", "pattFill"];
