//! Why something was withheld, removed, changed or worth noting: one closed list, and findings that use it.

mod finding;
mod refusal;

use std::fmt;

pub use finding::{Finding, Findings, Place};
pub use refusal::Refusal;

/// What a reason says has become of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Nothing of the part was delivered.
    Withheld,
    /// Something was left out of a part that was delivered.
    Removed,
    /// Something in a delivered part is not as the sender made it.
    Changed,
    /// Nothing was lost; the reader should know.
    Noted,
}

/// Makes the enum and its tables from one list, so that code, name, class and description cannot drift apart.
macro_rules! reasons {
    ($( #[doc = $doc:literal] $code:literal $class:ident $variant:ident $name:literal )*) => {
        /// The reason of a finding or a refusal; codes and names are stable, they stand in databases and reports.
        #[repr(u16)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $( #[doc = $doc] $variant = $code, )* }

        impl Reason {
            /// Every reason, in the order of their codes.
            pub const ALL: &'static [Reason] = &[ $( Reason::$variant, )* ];

            /// The stable number that stands in streams and databases.
            pub const fn code(self) -> u16 {
                match self { $( Reason::$variant => $code, )* }
            }

            /// The reason of a code, if there is one.
            pub const fn from_code(code: u16) -> Option<Reason> {
                match code { $( $code => Some(Reason::$variant), )* _ => None }
            }

            /// The stable `snake_case` name that stands in reports.
            pub const fn name(self) -> &'static str {
                match self { $( Reason::$variant => $name, )* }
            }

            /// The reason of a name, if there is one.
            pub fn from_name(name: &str) -> Option<Reason> {
                match name { $( $name => Some(Reason::$variant), )* _ => None }
            }

            /// What the reason says has become of the content.
            pub const fn class(self) -> Class {
                match self { $( Reason::$variant => Class::$class, )* }
            }

            /// The sentence that documents the reason, for the reference page (readers get the catalogue's wording).
            pub fn description(self) -> &'static str {
                match self { $( Reason::$variant => $doc.trim_ascii(), )* }
            }
        }
    };
}

reasons! {
    /// No sanitiser exists for the type of the file.
    100 Withheld UnsupportedType "unsupported_type"
    /// The content is encrypted and no password for it is known.
    101 Withheld Encrypted "encrypted"
    /// The content does not follow its own format.
    102 Withheld Malformed "malformed"
    /// The structure can be read in two ways.
    103 Withheld AmbiguousStructure "ambiguous_structure"
    /// A scanner recognised malware.
    104 Withheld Infected "infected"
    /// The scanner gave no answer.
    105 Withheld ScannerUnavailable "scanner_unavailable"
    /// Policy holds this part for a person to decide.
    106 Withheld PolicyHold "policy_hold"
    /// Policy removes this part.
    107 Withheld PolicyRemove "policy_remove"
    /// The part is a fragment of a message sent in several mails.
    108 Withheld MessagePartial "message_partial"
    /// The part only points to a body that lies elsewhere.
    109 Withheld ExternalBody "external_body"
    /// The content is encrypted and none of the passwords that were given opens it.
    110 Withheld WrongPassword "wrong_password"
    /// The format is one that only LibreOffice can read, which is not set up.
    111 Withheld ConverterUnavailable "converter_unavailable"
    /// The document is of a program whose files cannot be rebuilt.
    112 Withheld ForeignDocument "foreign_document"
    /// A calendar or address book has more entries, or longer ones, than allowed.
    115 Withheld LimitEntries "limit_entries"

    /// The file is only the signature or certificate of another file.
    116 Withheld SignatureOnly "signature_only"
    /// All that the archive held was left out, so that nothing remains to be passed on.
    117 Withheld NothingLeft "nothing_left"
    /// The content is encrypted with a key of its recipient (S/MIME, OpenPGP), so that no password opens it.
    118 Withheld EncryptedForRecipient "encrypted_for_recipient"

    /// The input is larger than allowed.
    120 Withheld LimitInputBytes "limit_input_bytes"
    /// The output is larger than allowed.
    121 Withheld LimitOutputBytes "limit_output_bytes"
    /// There are more parts, attachments or members than allowed.
    122 Withheld LimitParts "limit_parts"
    /// Containers are nested deeper than allowed.
    123 Withheld LimitDepth "limit_depth"
    /// Everything unpacked from one message is larger than allowed.
    124 Withheld LimitTotalBytes "limit_total_bytes"
    /// The content expands by more than the allowed ratio.
    125 Withheld LimitRatio "limit_ratio"
    /// The message took longer than allowed.
    126 Withheld LimitTime "limit_time"
    /// An image has more pixels than allowed, all frames together.
    127 Withheld LimitPixels "limit_pixels"
    /// An image is wider or higher than allowed.
    128 Withheld LimitDimension "limit_dimension"
    /// An image has more frames than allowed.
    129 Withheld LimitFrames "limit_frames"
    /// There is more text than allowed.
    130 Withheld LimitTextBytes "limit_text_bytes"
    /// A table has more cells than allowed.
    131 Withheld LimitCells "limit_cells"
    /// A name or path is longer than allowed.
    132 Withheld LimitNameBytes "limit_name_bytes"
    /// A mail header is longer than allowed.
    133 Withheld LimitHeaderBytes "limit_header_bytes"
    /// A mail names more addresses than allowed.
    134 Withheld LimitAddresses "limit_addresses"
    /// There are more findings than can be passed on.
    135 Withheld LimitFindings "limit_findings"
    /// One row of a table is longer than allowed.
    136 Withheld LimitRowBytes "limit_row_bytes"
    /// One line of a header or a description is longer than allowed.
    137 Withheld LimitLineBytes "limit_line_bytes"
    /// A mail refers to more earlier messages than allowed.
    138 Withheld LimitReferences "limit_references"
    /// The form of the content is larger than allowed.
    139 Withheld LimitFormBytes "limit_form_bytes"
    /// The parts taken out of a container are together larger than allowed.
    140 Withheld LimitSpillBytes "limit_spill_bytes"
    /// A document has more pages than allowed.
    141 Withheld LimitPages "limit_pages"
    /// A page holds more drawing, or drawing nested deeper, than allowed.
    142 Withheld LimitPageContent "limit_page_content"
    /// A document uses more letter shapes, pictures, gradients, drawings, links or outline entries than allowed.
    143 Withheld LimitResources "limit_resources"
    /// The document has more elements, or deeper ones, than the limit.
    144 Withheld LimitMarkup "limit_markup"
    /// Making the key from a password takes more rounds than allowed.
    145 Withheld LimitKeyRounds "limit_key_rounds"
    /// More parts of the message than allowed ended their rooms by a crash, a forbidden call or a wrong answer.
    146 Withheld LimitCrashes "limit_crashes"

    /// The room crashed on the content.
    160 Withheld RoomCrash "room_crash"
    /// The room was killed for a forbidden system call.
    161 Withheld RoomPolicyKill "room_policy_kill"
    /// The room did not finish before its deadline.
    162 Withheld RoomTimeout "room_timeout"
    /// The room used up its processor time.
    163 Withheld RoomCpuLimit "room_cpu_limit"
    /// The room used up its memory.
    164 Withheld RoomMemoryLimit "room_memory_limit"
    /// The room wrote more than it may.
    165 Withheld RoomOutputLimit "room_output_limit"
    /// The room was killed from outside.
    166 Withheld RoomKilled "room_killed"
    /// The room broke the protocol with the gateway.
    167 Withheld RoomProtocol "room_protocol"
    /// No room could be had.
    168 Withheld RoomUnavailable "room_unavailable"
    /// What the dirty room sent is not a valid form.
    169 Withheld FormInvalid "form_invalid"

    /// A member's path leads out of its archive.
    180 Withheld ZipSlip "zip_slip"
    /// Two members of an archive have the same name.
    181 Withheld DuplicateMember "duplicate_member"
    /// Members of an archive share bytes.
    182 Withheld OverlappingMember "overlapping_member"
    /// An archive's directory disagrees with its members, or there is more than one directory.
    183 Withheld DirectoryMismatch "directory_mismatch"
    /// A member of an archive is a symbolic link.
    184 Withheld SymlinkMember "symlink_member"
    /// A member of an archive is a device, pipe or another special file.
    185 Withheld SpecialMember "special_member"
    /// A member of an archive is another name for a member.
    186 Withheld HardLinkMember "hard_link_member"
    /// Unpacking needs more memory than allowed.
    187 Withheld LimitWindowBytes "limit_window_bytes"
    /// The archive is one of several parts, which only together can be unpacked.
    188 Withheld SplitArchive "split_archive"
    /// It is packed with a method that no reader exists for.
    189 Withheld UnsupportedMethod "unsupported_method"

    /// Descriptive data about the file, its author or its making was removed.
    200 Removed Metadata "metadata"
    /// The place where a picture was taken was removed.
    201 Removed GpsPosition "gps_position"
    /// All frames of an animation but the first were removed.
    202 Removed AnimationFrames "animation_frames"
    /// Scripts, forms, embedded objects or other active content was removed.
    203 Removed ActiveContent "active_content"
    /// Pictures that would have been loaded from the network were removed.
    204 Removed RemoteImage "remote_image"
    /// Text that a reader would not have seen was removed.
    205 Removed HiddenText "hidden_text"
    /// Header fields that are not passed on were removed.
    206 Removed HeaderFields "header_fields"
    /// Another version of the text, which differed, was removed.
    207 Removed AlternativeText "alternative_text"
    /// A digital signature was removed, because it no longer fits the rebuilt content.
    208 Removed Signature "signature"
    /// Control characters were removed.
    209 Removed ControlCharacters "control_characters"
    /// Characters that reverse the reading direction were removed.
    210 Removed BidiControls "bidi_controls"
    /// Invisible characters were removed.
    211 Removed ZeroWidthCharacters "zero_width_characters"
    /// Bytes before, between or after the real content were removed.
    212 Removed SurplusBytes "surplus_bytes"
    /// A header field that stood twice was removed but for the first.
    213 Removed DuplicateHeader "duplicate_header"
    /// Empty directories of an archive were removed.
    214 Removed EmptyDirectory "empty_directory"
    /// Scripts of a document were removed.
    215 Removed Script "script"
    /// Actions that would have run by themselves, on opening, printing or turning a page, were removed.
    216 Removed AutomaticAction "automatic_action"
    /// Actions that would have started a program or opened another file were removed.
    217 Removed LaunchAction "launch_action"
    /// Actions that would have sent or fetched form data were removed.
    218 Removed FormSubmission "form_submission"
    /// Files that were embedded in the document were removed.
    219 Removed EmbeddedFile "embedded_file"
    /// Video, sound, 3D and other rich media were removed.
    220 Removed RichMedia "rich_media"
    /// A form of another format (XFA) was removed from the document.
    221 Removed XfaForm "xfa_form"
    /// Links to something other than a page of the document, a web page or a mail address were removed.
    222 Removed UnsafeLink "unsafe_link"
    /// Comments and marks of reviewers were removed.
    223 Removed Comments "comments"
    /// Layers that were switched off were removed.
    224 Removed HiddenLayer "hidden_layer"
    /// Earlier versions of the document that were still in the file were removed.
    225 Removed EarlierVersions "earlier_versions"
    /// Content that lay outside the visible page was removed.
    226 Removed OffPageContent "off_page_content"
    /// Macro programs were removed.
    227 Removed Macros "macros"
    /// Objects of other programs were removed; their preview pictures were kept.
    228 Removed EmbeddedObject "embedded_object"
    /// Controls that run programs were removed.
    229 Removed Controls "controls"
    /// Links by which the document loads other files were removed.
    230 Removed ExternalLink "external_link"
    /// Links that start other programs (DDE) were removed.
    231 Removed DdeLink "dde_link"
    /// Formulas that reach outside the document were removed; their last values were kept.
    232 Removed UnsafeFormula "unsafe_formula"
    /// Fields that reach outside the document were removed; their last text was kept.
    233 Removed UnsafeField "unsafe_field"
    /// Data that only programs read was removed.
    234 Removed CustomData "custom_data"
    /// The password of a protection against editing was removed; the protection itself was kept.
    235 Removed ProtectionPassword "protection_password"
    /// Sound and video were removed.
    236 Removed Media "media"
    /// Slicers and timelines were removed.
    237 Removed Slicers "slicers"
    /// Content outside the published vocabulary was removed.
    238 Removed UnknownContent "unknown_content"
    /// Embedded fonts were removed.
    239 Removed EmbeddedFonts "embedded_fonts"
    /// Alarms of calendar entries, which make sounds or send mail, were removed.
    240 Removed CalendarAlarms "calendar_alarms"
    /// Files and addresses attached to calendar entries were removed.
    241 Removed CalendarAttachments "calendar_attachments"
    /// Entries of a calendar that only say when somebody is free were removed.
    242 Removed CalendarEntries "calendar_entries"
    /// Pictures, sounds and keys of address cards were removed.
    243 Removed CardMedia "card_media"
    /// Fields of calendars and address cards that only single programs read were removed.
    244 Removed EntryFields "entry_fields"
    /// Links in calendars and address cards that do not lead to a page of the web were removed.
    245 Removed EntryLinks "entry_links"
    /// Pivot tables whose data is outside the document were removed; the values that they show were kept.
    250 Removed PivotData "pivot_data"
    /// Pictures in the headers and footers of sheets were removed.
    251 Removed HeaderPictures "header_pictures"
    /// Pivot tables of which the file stores no values were removed: nothing is in their place.
    252 Removed PivotEmpty "pivot_empty"
    /// Print areas, and rows and columns that are repeated on each page, did not survive the conversion.
    253 Removed PrintAreas "print_areas"
    /// Names that stand for more than places and values did not survive the conversion.
    254 Removed NamesLost "names_lost"
    /// What moves in a drawing stands still.
    257 Removed DrawingMotion "drawing_motion"
    /// Layers and further channels of a picture were removed; it shows what all of them show together.
    258 Removed Layers "layers"

    /// Pictures that nobody sees and that tell the sender that the mail was opened were removed.
    262 Removed TrackingPixel "tracking_pixel"
    /// Web addresses were removed from the text.
    263 Removed LinksRemoved "links_removed"

    /// The content is of another type than its name or label says.
    300 Changed TypeMismatch "type_mismatch"
    /// The file name was changed.
    301 Changed NameChanged "name_changed"
    /// The file name had two extensions, so that its type could be mistaken.
    302 Changed DoubleExtension "double_extension"
    /// The file name stood twice and was numbered.
    303 Changed DuplicateName "duplicate_name"
    /// Formatted text was turned into plain text.
    304 Changed HtmlToText "html_to_text"
    /// Cells that a spreadsheet would have run as formulas were made plain text.
    305 Changed FormulaNeutralised "formula_neutralised"
    /// The turn that a camera had noted was applied to the picture.
    306 Changed OrientationApplied "orientation_applied"
    /// Colours were converted to the common colour space.
    307 Changed ColourConverted "colour_converted"
    /// A lossy picture was compressed anew.
    308 Changed ReEncoded "re_encoded"
    /// The character set was not declared and was found by content.
    309 Changed CharsetGuessed "charset_guessed"
    /// The character set was not the declared one.
    310 Changed CharsetMismatch "charset_mismatch"
    /// Bytes that are no character of the character set were replaced.
    311 Changed UndecodableBytes "undecodable_bytes"
    /// Characters outside the standard sets (gaiji) may look different or were replaced.
    312 Changed Gaiji "gaiji"
    /// The text of a link shows another target than the link had.
    313 Changed LinkTargetDiffers "link_target_differs"
    /// The mail had no usable date.
    314 Changed DateMissing "date_missing"
    /// An address was unusable and was left out or shown as text.
    315 Changed AddressInvalid "address_invalid"
    /// The mail named its sender in more than one way.
    316 Changed SenderAmbiguous "sender_ambiguous"
    /// A broken transfer encoding was read as well as it could be.
    317 Changed EncodingRepaired "encoding_repaired"
    /// The character set of names in an archive was found by content.
    318 Changed MemberNameCharset "member_name_charset"
    /// The picture was incomplete; what could be read was kept.
    319 Changed ImageIncomplete "image_incomplete"
    /// The picture was saved in another format.
    320 Changed FormatConverted "format_converted"
    /// Colours were stored with less precision.
    321 Changed ColourDepthReduced "colour_depth_reduced"
    /// Rows of a table had different numbers of cells or broken quotes and were repaired.
    322 Changed TableRepaired "table_repaired"
    /// Text that ran past the allowed length was cut.
    323 Changed TextShortened "text_shortened"
    /// The cells of a table were parted by another character than a comma and are parted by commas now.
    324 Changed DelimiterChanged "delimiter_changed"
    /// Pages were turned into images because they could not be carried over otherwise.
    325 Changed PageRasterised "page_rasterised"
    /// A font that is not in the file was replaced by a similar one.
    326 Changed FontSubstituted "font_substituted"
    /// Fields or marks without a stored appearance were drawn anew.
    327 Changed AppearanceDrawn "appearance_drawn"
    /// Characters whose meaning the file does not say cannot be searched or copied.
    328 Changed TextUnmapped "text_unmapped"
    /// Pictures with more detail than a page shows were reduced.
    329 Changed PictureReduced "picture_reduced"
    /// The content was decrypted with a password and is passed on without one.
    330 Changed Decrypted "decrypted"
    /// Form fields can no longer be filled in; what was filled in is part of the page.
    331 Changed FieldsFlattened "fields_flattened"
    /// The rebuilt page differs visibly from the original.
    332 Changed FidelityLow "fidelity_low"
    /// Pictures that could not be read were left out or replaced by a placeholder.
    333 Changed PictureUndecodable "picture_undecodable"
    /// Comments were written out as a list at the end of the document.
    334 Changed CommentsListed "comments_listed"
    /// Elements in the wrong place were put in order, and missing ones were added.
    335 Changed StructureRepaired "structure_repaired"
    /// Drawings in an old Windows format (EMF, WMF) were turned into pictures.
    336 Changed MetafileDrawn "metafile_drawn"
    /// Content of pages could not be read, so that nothing of it is shown.
    337 Changed PageUnreadable "page_unreadable"
    /// Letters whose shapes are damaged in the file, or not in it and not to be guessed, are not shown.
    338 Changed GlyphsLost "glyphs_lost"
    /// Much of the text of a page cannot be searched or copied.
    339 Changed TextRecallLow "text_recall_low"
    /// What lay in a wrapper that many programs cannot open (winmail.dat, a signed message, uuencode) was put into the mail itself.
    350 Changed Unwrapped "unwrapped"
    /// A message was damaged; what could be read of it was kept.
    351 Changed MessageIncomplete "message_incomplete"
    /// A calendar or address card was turned into readable text.
    352 Changed ShownAsText "shown_as_text"
    /// Values of a calendar or address card that do not follow the standard were put right or left out.
    353 Changed EntryRepaired "entry_repaired"
    /// A rule of repetition that cannot be read, comes true never or too often, or says when not, was left out of a calendar.
    354 Changed RepetitionLost "repetition_lost"
    /// A drawing made of shapes (SVG) was turned into a picture.
    357 Changed VectorDrawn "vector_drawn"
    /// The words of a drawing are not shown, because this machine has no fonts.
    358 Changed DrawingTextLost "drawing_text_lost"
    /// Formulas that cannot be converted were replaced by the values that they had.
    359 Changed FormulaValues "formula_values"
    /// Check boxes, drop-down lists, buttons and labels were turned into shapes with their text.
    360 Changed ControlsDrawn "controls_drawn"
    /// Pictures that show cells of the workbook no longer change with them.
    361 Changed PictureStill "picture_still"
    /// The document is delivered as pages, because the site wants it so.
    365 Changed OfficeToPages "office_to_pages"
    /// The rebuilt document has more or fewer pages than the original.
    366 Changed PageCountDiffers "page_count_differs"
    /// Only the words of the document are passed on: no layout, no pictures.
    367 Changed TextOnly "text_only"
    /// Pivot tables were reduced to the values that they show: the data behind them can hold more than is seen.
    368 Changed PivotValues "pivot_values"

    /// Bytes that are text in more than one character set were read as the likeliest; the text may be wrong.
    370 Changed CharsetUndecided "charset_undecided"
    /// Web addresses were written so that no program takes them for addresses (hxxps, [.]).
    374 Changed LinksDefanged "links_defanged"
    /// A file of markup or data for programs (XML) is passed on as the text that it is.
    375 Changed MarkupAsText "markup_as_text"
    /// An attached mail is passed on as a text, and what was attached to it lies beside that.
    376 Changed MailAsText "mail_as_text"
    /// The archive was decrypted with a password and is encrypted with the same one again.
    377 Changed EncryptedAgain "encrypted_again"

    /// The mail has no text.
    400 Noted EmptyBody "empty_body"
    /// The mail has unusually many recipients.
    401 Noted ManyRecipients "many_recipients"
    /// There were more findings than are listed.
    402 Noted MoreFindings "more_findings"
    /// Something inside this container was withheld.
    403 Noted MemberWithheld "member_withheld"
    /// No scanner is set up, so the content was not scanned.
    404 Noted NotScanned "not_scanned"
    /// The document has hidden sheets, which were kept.
    405 Noted HiddenSheet "hidden_sheet"
    /// The document has hidden slides, which were kept.
    406 Noted HiddenSlide "hidden_slide"
    /// Pivot tables of which the file stores no values were kept, for the program that opens the document to fill.
    407 Noted PivotKept "pivot_kept"
    /// The text has parts that a reader would not have seen; they were kept and marked.
    427 Noted HiddenTextKept "hidden_text_kept"
    /// A calendar names a time zone that it does not describe, so that programs may show its times differently.
    435 Noted ZoneUnknown "zone_unknown"
    /// Long texts of a database are in another file (.dbt, .fpt) and are missing from the table.
    436 Noted MemoMissing "memo_missing"
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_unique_and_lead_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(*reason));
            assert_eq!(Reason::from_name(reason.name()), Some(*reason));
            assert!(reason.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{reason}");
            assert!(reason.description().ends_with('.'), "{reason}");
        }
        assert!(Reason::ALL.windows(2).all(|pair| pair[0].code() < pair[1].code()));
        assert_eq!(Reason::from_code(0), None);
    }

    #[test]
    fn code_ranges_follow_the_class() {
        for reason in Reason::ALL {
            let hundred = match reason.class() {
                Class::Withheld => 1,
                Class::Removed => 2,
                Class::Changed => 3,
                Class::Noted => 4,
            };
            assert_eq!(reason.code() / 100, hundred, "{reason}");
        }
    }
}
