//! The sentence of each reason.

use form::reason::Reason;

/// (Japanese, English). Matched without a wildcard, so that a new reason does not compile without its sentences.
pub(super) const fn of(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::UnsupportedType => (
            "安全に作り直せない形式のため、受け付けていません",
            "this type of file cannot be rebuilt safely and is not accepted",
        ),
        Reason::Encrypted => {
            ("暗号化（パスワード付きなど）のため中身を確かめられません", "it is encrypted and cannot be inspected")
        }
        Reason::Malformed => ("壊れているため作り直せません", "it is damaged and cannot be rebuilt"),
        Reason::AmbiguousStructure => {
            ("読み方が一つに決まらず危険なため、作り直せません", "it can be read in two ways, which is not safe")
        }
        Reason::Infected => ("ウイルスを検知しました", "a virus was found"),
        Reason::ScannerUnavailable => ("ウイルス検査ができませんでした", "it could not be scanned"),
        Reason::PolicyHold => ("管理者の設定により預かっています", "held by policy"),
        Reason::PolicyRemove => ("管理者の設定により取り除きました", "removed by policy"),
        Reason::MessagePartial => ("分割メールのため中身を確かめられません", "it is a fragment of a split message"),
        Reason::ExternalBody => ("本体が外部にあるため受け取れません", "its body lies elsewhere"),
        Reason::WrongPassword => {
            ("指定されたパスワードでは開けませんでした", "none of the passwords that were given opens it")
        }
        Reason::ConverterUnavailable => (
            "この形式の変換に使う LibreOffice が使えません",
            "LibreOffice, which converts this format, is not available",
        ),
        Reason::ForeignDocument => (
            "このソフト専用の文書形式は作り直せません。PDF などにして送り直すよう差出人に依頼してください",
            "documents of this program cannot be rebuilt; ask the sender for a PDF of it",
        ),
        Reason::LimitEntries => (
            "予定や連絡先の数が多すぎるか、一件が大きすぎます",
            "a calendar or address book has too many entries, or too long ones",
        ),
        Reason::LimitInputBytes => ("大きすぎます", "it is too large"),
        Reason::LimitOutputBytes => ("作り直した結果が大きすぎます", "the rebuilt file is too large"),
        Reason::LimitParts => ("添付や中のファイルの数が多すぎます", "there are too many parts"),
        Reason::LimitDepth => ("ファイルが何重にもまとめられています", "it is nested too deeply"),
        Reason::LimitTotalBytes => ("展開した合計が大きすぎます", "the extracted total is too large"),
        Reason::LimitRatio => ("圧縮率が高すぎます", "the compression ratio is too high"),
        Reason::LimitTime => ("処理時間の上限を超えました", "it took too long"),
        Reason::LimitPixels => ("画像の画素数が多すぎます", "the image has too many pixels"),
        Reason::LimitDimension => ("画像の縦横が大きすぎます", "the image is too wide or too high"),
        Reason::LimitFrames => ("画像のコマ数が多すぎます", "the image has too many frames"),
        Reason::LimitTextBytes => ("文字の量が多すぎます", "there is too much text"),
        Reason::LimitCells => ("表のセルが多すぎます", "the table has too many cells"),
        Reason::LimitNameBytes => ("名前が長すぎます", "a name is too long"),
        Reason::LimitHeaderBytes => ("ヘッダーが大きすぎます", "the header is too large"),
        Reason::LimitAddresses => ("アドレスが多すぎます", "there are too many addresses"),
        Reason::LimitFindings => ("変更点が多すぎます", "there are too many findings"),
        Reason::LimitRowBytes => ("表の一行が長すぎます", "one row of the table is too long"),
        Reason::LimitLineBytes => ("一行が長すぎます", "one line is too long"),
        Reason::LimitReferences => ("参照しているメールが多すぎます", "it refers to too many messages"),
        Reason::LimitFormBytes => ("中身が大きすぎます", "its content is too large"),
        Reason::LimitSpillBytes => ("取り出した中身の合計が大きすぎます", "what was taken out of it is too large"),
        Reason::LimitPages => ("ページ数が多すぎます", "there are too many pages"),
        Reason::LimitPageContent => ("1ページに描かれている内容が多すぎます", "there is too much on one page"),
        Reason::LimitResources => (
            "文書で使われている文字の形・画像・リンクなどの数が多すぎます",
            "the document uses too many letter shapes, pictures or links",
        ),
        Reason::LimitMarkup => {
            ("文書の構造が大きすぎるか深すぎます", "the structure of the document is too large or too deep")
        }
        Reason::LimitKeyRounds => {
            ("パスワードから鍵を作る計算の回数が多すぎます", "making the key from a password takes too many rounds")
        }
        Reason::LimitCrashes => (
            "同じメールやファイルの中身で変換の異常終了が続いたため、残りは変換しませんでした",
            "other parts of the same mail or file crashed the conversion too often, so the rest was not converted",
        ),
        Reason::RoomCrash => ("変換中に異常終了しました", "the conversion crashed"),
        Reason::RoomPolicyKill => {
            ("変換中に禁止された動作をしたため止めました", "the conversion tried something forbidden and was stopped")
        }
        Reason::RoomTimeout => ("変換が時間内に終わりませんでした", "the conversion did not end in time"),
        Reason::RoomCpuLimit => ("変換が処理量の上限を超えました", "the conversion used too much processor time"),
        Reason::RoomMemoryLimit => ("変換がメモリの上限を超えました", "the conversion used too much memory"),
        Reason::RoomOutputLimit => ("変換結果が上限を超えました", "the conversion wrote too much"),
        Reason::RoomKilled => ("変換が中断されました", "the conversion was ended"),
        Reason::RoomProtocol => ("変換の応答が正しくありませんでした", "the conversion answered wrongly"),
        Reason::RoomUnavailable => ("変換の環境を用意できませんでした", "no room was available"),
        Reason::FormInvalid => ("変換の中間データが検証に通りませんでした", "the intermediate form did not verify"),
        Reason::ZipSlip => ("圧縮ファイルの外を指すファイル名があります", "a member name points outside the archive"),
        Reason::DuplicateMember => {
            ("圧縮ファイルに同じ名前のファイルが重なっています", "the archive holds one name twice")
        }
        Reason::OverlappingMember => ("圧縮ファイルの中身が重なり合っています", "members of the archive overlap"),
        Reason::DirectoryMismatch => {
            ("圧縮ファイルの目次と中身が食い違っています", "the archive's directory and contents disagree")
        }
        Reason::SymlinkMember => ("圧縮ファイルにリンクが含まれています", "the archive holds a link"),
        Reason::HardLinkMember => {
            ("圧縮ファイルに、ほかのファイルを指すだけの項目があります", "the archive holds a second name of a file")
        }
        Reason::LimitWindowBytes => {
            ("展開に必要なメモリが上限を超えています", "unpacking needs more memory than allowed")
        }
        Reason::SplitArchive => (
            "分割された圧縮ファイルの一部です。一つにまとめて送ってもらってください",
            "one part of a split archive; ask for a whole one",
        ),
        Reason::UnsupportedMethod => ("この圧縮方式には対応していません", "packed with a method that cannot be read"),
        Reason::SpecialMember => ("圧縮ファイルに特殊なファイルが含まれています", "the archive holds a special file"),
        Reason::Metadata => ("付加情報を取り除きました", "metadata was removed"),
        Reason::GpsPosition => ("位置情報を取り除きました", "the GPS position was removed"),
        Reason::AnimationFrames => {
            ("アニメーションの2コマ目以降を取り除きました", "animation was reduced to its first frame")
        }
        Reason::ActiveContent => {
            ("スクリプトなどの動く要素を{count}個取り除きました", "{count} active parts were removed")
        }
        Reason::RemoteImage => ("外部から読み込む画像を{count}個取り除きました", "{count} remote images were removed"),
        Reason::HiddenText => ("見えない文字を{count}か所取り除きました", "hidden text was removed in {count} places"),
        Reason::HeaderFields => ("不要なヘッダーを{count}個取り除きました", "{count} header fields were removed"),
        Reason::AlternativeText => (
            "この文面と内容の違うもう一つの本文（HTML形式など）がありました。その内容は含めていません",
            "the mail had another version of its text (such as HTML), which says something else and is not included",
        ),
        Reason::Signature => (
            "電子署名を取り除きました（署名の検証はしていません）",
            "the digital signature was removed; it was not verified",
        ),
        Reason::ControlCharacters => ("制御文字を{count}個取り除きました", "{count} control characters were removed"),
        Reason::BidiControls => {
            ("文字の並びを変える制御文字を{count}個取り除きました", "{count} bidirectional controls were removed")
        }
        Reason::ZeroWidthCharacters => {
            ("幅のない文字を{count}個取り除きました", "{count} zero-width characters were removed")
        }
        Reason::SurplusBytes => {
            ("ファイルの前後にある余分なデータを取り除きました", "surplus bytes around the file were removed")
        }
        Reason::DuplicateHeader => ("重複したヘッダーを取り除きました", "repeated header fields were removed"),
        Reason::EmptyDirectory => ("空のフォルダを取り除きました", "empty folders were removed"),
        Reason::Script => (
            "文書に組み込まれたプログラム（スクリプト）を{count}個取り除きました",
            "{count} scripts of the document were removed",
        ),
        Reason::AutomaticAction => {
            ("開いたときなどに自動で動く設定を{count}個取り除きました", "{count} automatic actions were removed")
        }
        Reason::LaunchAction => (
            "別のプログラムやファイルを開く設定を{count}個取り除きました",
            "{count} actions that start programs or open files were removed",
        ),
        Reason::FormSubmission => (
            "入力内容を外部と送受信する設定を{count}個取り除きました",
            "{count} actions that send or fetch form data were removed",
        ),
        Reason::EmbeddedFile => {
            ("文書に埋め込まれたファイルを{count}個取り除きました", "{count} embedded files were removed")
        }
        Reason::RichMedia => {
            ("動画・音声・3Dなどを{count}個取り除きました", "{count} videos, sounds or 3D objects were removed")
        }
        Reason::XfaForm => {
            ("文書に組み込まれた別形式の入力フォーム（XFA）を取り除きました", "an embedded XFA form was removed")
        }
        Reason::UnsafeLink => (
            "Webやメールアドレス以外を指すリンクを{count}個取り除きました",
            "{count} links to something other than web pages or mail addresses were removed",
        ),
        Reason::Comments => ("注釈（コメントや付箋）を{count}個取り除きました", "{count} comments were removed"),
        Reason::HiddenLayer => {
            ("表示されていないレイヤーを{count}枚取り除きました", "{count} hidden layers were removed")
        }
        Reason::EarlierVersions => {
            ("ファイルの中に残っていた以前の版を{count}件取り除きました", "{count} earlier versions were removed")
        }
        Reason::OffPageContent => {
            ("ページの外に置かれた内容を取り除きました", "content outside the visible page was removed")
        }
        Reason::Macros => ("マクロを{count}件取り除きました", "{count} macro modules were removed"),
        Reason::EmbeddedObject => (
            "埋め込みオブジェクトを{count}件取り除きました（見た目の画像は残しました）",
            "{count} embedded objects were removed (their preview pictures were kept)",
        ),
        Reason::Controls => {
            ("プログラムを動かす部品（ActiveX など）を{count}件取り除きました", "{count} controls were removed")
        }
        Reason::ExternalLink => (
            "外部のファイルを読み込むリンクを{count}件取り除きました",
            "{count} links that load other files were removed",
        ),
        Reason::DdeLink => (
            "ほかのプログラムを起動するリンク（DDE）を{count}件取り除きました",
            "{count} links that start other programs (DDE) were removed",
        ),
        Reason::UnsafeFormula => (
            "文書の外を参照する数式を{count}件取り除き、値だけを残しました",
            "{count} formulas that reach outside the document were removed; their values were kept",
        ),
        Reason::UnsafeField => (
            "文書の外を参照するフィールドを{count}件取り除き、表示だけを残しました",
            "{count} fields that reach outside the document were removed; their text was kept",
        ),
        Reason::CustomData => {
            ("プログラム用の付属データを{count}件取り除きました", "{count} pieces of data for programs were removed")
        }
        Reason::ProtectionPassword => (
            "編集保護のパスワードを取り除きました（保護そのものは残しました）",
            "the password of the protection against editing was removed (the protection was kept)",
        ),
        Reason::Media => ("音声や動画を{count}件取り除きました", "{count} sounds or videos were removed"),
        Reason::Slicers => {
            ("スライサーやタイムラインを{count}件取り除きました", "{count} slicers or timelines were removed")
        }
        Reason::UnknownContent => (
            "公開された規格にない内容を{count}件取り除きました",
            "{count} pieces of content outside the published standard were removed",
        ),
        Reason::EmbeddedFonts => {
            ("埋め込まれたフォントを{count}件取り除きました", "{count} embedded fonts were removed")
        }
        Reason::PivotData => (
            "元のデータがこのファイルの外にあるピボットテーブル{count}件を、表示されていた値だけにしました",
            "{count} pivot tables whose data is outside the file were reduced to the values that they show",
        ),
        Reason::PivotEmpty => (
            "ピボットテーブル{count}件は空です（表示する値がファイルに保存されていないため。差出人に値の入った表を頼んでください）",
            "{count} pivot tables are empty, because the file does not store the values that they show (ask the sender for a table with values)",
        ),
        Reason::PrintAreas => (
            "シート{count}枚の印刷範囲や印刷タイトルは、変換できないため失われました（印刷範囲があったシートは全体が印刷されます）",
            "print areas or repeated titles of {count} sheets were lost in the conversion (where there was a print area, the whole sheet is printed)",
        ),
        Reason::PictureStill => (
            "セルの内容を写した図{count}個は、セルを変えても変わらない画像になりました（見た目は同じです）",
            "{count} pictures of cells no longer change with the cells (they look the same)",
        ),
        Reason::NamesLost => (
            "名前の定義{count}個は、変換できないため失われました（名前を使う数式は、計算済みの値にしました）",
            "{count} defined names were lost in the conversion (formulas that use them became the values that they had)",
        ),
        Reason::HeaderPictures => (
            "シートのヘッダーやフッターの画像を取り除きました",
            "pictures in the headers and footers of sheets were removed",
        ),
        Reason::SignatureOnly => (
            "ほかのファイルの電子署名や証明書だけのファイルです",
            "it is only the signature or certificate of another file",
        ),
        Reason::NothingLeft => (
            "中身がすべて取り除く対象だったため、お渡しできるものがありません",
            "all that it held was left out, so that nothing remains",
        ),
        Reason::EncryptedForRecipient => (
            "受取人の鍵で暗号化されています（S/MIME・OpenPGP）。パスワードでは開けず、中身を確かめられません",
            "it is encrypted with a key of its recipient (S/MIME, OpenPGP); no password opens it, and it cannot be inspected",
        ),
        Reason::CalendarAlarms => ("予定の通知を{count}件取り除きました", "{count} alarms of events were removed"),
        Reason::CalendarAttachments => (
            "予定に添付されたファイルやリンクを{count}件取り除きました",
            "{count} files or links attached to events were removed",
        ),
        Reason::CalendarEntries => {
            ("空き時間の情報を{count}件取り除きました", "{count} entries about free time were removed")
        }
        Reason::CardMedia => (
            "連絡先の画像・音声・鍵を{count}件取り除きました",
            "{count} pictures, sounds or keys of address cards were removed",
        ),
        Reason::EntryFields => (
            "予定や連絡先から、特定のソフトだけが使う項目を{count}件取り除きました",
            "{count} fields that only single programs read were removed from a calendar or address card",
        ),
        Reason::EntryLinks => (
            "予定や連絡先から、Web以外へのリンクを{count}件取り除きました",
            "{count} links that do not lead to a web page were removed from a calendar or address card",
        ),
        Reason::EntryRepaired => (
            "予定や連絡先の、書き方が正しくない値を{count}件直すか取り除きました",
            "{count} values of a calendar or address card that were not written as they should be were put right or left out",
        ),
        Reason::RepetitionLost => (
            "予定の繰り返し方を{count}件読み取れないか使えないため、その繰り返しは入っていません。日程を差出人に確かめてください",
            "{count} rules of repetition could not be read or used and are missing; ask the sender for the dates",
        ),
        Reason::ZoneUnknown => (
            "予定の時間帯（タイムゾーン）の定義がないため、時刻がずれて表示されることがあります",
            "a time zone is not described, so that times may be shown differently",
        ),
        Reason::MemoMissing => (
            "別のファイル（.dbt・.fpt）にあるメモ{count}件は、この表に入っていません",
            "{count} memos are in another file (.dbt, .fpt) and not in this table",
        ),
        Reason::TypeMismatch => ("拡張子と中身の形式が違っていました", "the extension did not match the content"),
        Reason::NameChanged => ("ファイル名を直しました", "the file name was changed"),
        Reason::DoubleExtension => ("拡張子が二重でした", "the name had a double extension"),
        Reason::DuplicateName => {
            ("同じファイル名があったため番号を付けました", "a number was added to a repeated name")
        }
        Reason::HtmlToText => ("HTMLを文字だけにしました", "HTML was turned to text"),
        Reason::FormulaNeutralised => {
            ("数式として動くセルを{count}個、文字にしました", "{count} formula cells were turned to text")
        }
        Reason::FormulaValues => (
            "変換できない数式{count}個を、計算済みの値に置き換えました",
            "{count} formulas that cannot be converted were replaced by their values",
        ),
        Reason::OrientationApplied => ("向きの情報を画像に反映しました", "the orientation was applied to the pixels"),
        Reason::ColourConverted => ("色の情報を標準のものにしました", "colours were converted to sRGB"),
        Reason::ReEncoded => ("画像を圧縮し直しました", "the picture was compressed anew"),
        Reason::CharsetGuessed => ("文字コードの指定がないため推定しました", "the character set was guessed"),
        Reason::CharsetMismatch => ("文字コードの指定が誤っていたため直しました", "the character set label was wrong"),
        Reason::CharsetUndecided => (
            "文字コードを決められない箇所が{count}か所あり、文字が正しくないおそれがあります",
            "the character set of {count} texts could not be decided, so that they may be wrong",
        ),
        Reason::UndecodableBytes => ("読めない文字が{count}か所ありました", "{count} characters could not be decoded"),
        Reason::Gaiji => ("外字が{count}個あり、〓で表しました", "{count} private characters are shown as 〓"),
        Reason::LinkTargetDiffers => {
            ("表示と行き先の違うリンクが{count}個ありました", "{count} links showed another address than their target")
        }
        Reason::DateMissing => ("日付がありませんでした", "the date was missing"),
        Reason::AddressInvalid => ("正しくないアドレスが{count}個ありました", "{count} addresses were invalid"),
        Reason::SenderAmbiguous => ("差出人が複数ありました", "there was more than one sender"),
        Reason::EncodingRepaired => ("符号化の誤りを直しました", "a fault of the encoding was repaired"),
        Reason::MemberNameCharset => {
            ("圧縮ファイルの中のファイル名の文字コードを直しました", "the character set of member names was repaired")
        }
        Reason::ImageIncomplete => (
            "画像が途中で切れていたため、読めたところまでにしました",
            "the picture was incomplete; what could be read was kept",
        ),
        Reason::FormatConverted => ("別の形式に変換しました", "it was converted to another format"),
        Reason::ColourDepthReduced => ("色の細かさを減らしました", "colours were stored with less precision"),
        Reason::TableRepaired => ("表の乱れを直しました", "broken rows of the table were repaired"),
        Reason::TextShortened => ("長すぎる文字列を切り詰めました", "overlong text was cut"),
        Reason::DelimiterChanged => {
            ("表の区切り文字をカンマにしました", "the cells of the table are separated by commas now")
        }
        Reason::PageRasterised => ("{count}ページを画像にしました", "{count} pages were turned into images"),
        Reason::FontSubstituted => {
            ("文書に含まれていないフォントを似たものに置き換えました", "a font that is not in the file was replaced")
        }
        Reason::AppearanceDrawn => {
            ("見た目が保存されていない入力欄や注釈を{count}個描き直しました", "{count} fields or marks were drawn anew")
        }
        Reason::TextUnmapped => {
            ("検索やコピーのできない文字が{count}個あります", "{count} characters cannot be searched or copied")
        }
        Reason::PictureReduced => ("細かすぎる画像を{count}枚縮小しました", "{count} pictures were reduced"),
        Reason::Decrypted => ("パスワードを解除しました", "the password was removed"),
        Reason::FieldsFlattened => (
            "入力欄{count}個を、記入済みの内容のままページに固定しました（入力はできません）",
            "{count} form fields were made part of the page and cannot be filled in",
        ),
        Reason::FidelityLow => {
            ("元の見た目と違うところがあります", "the rebuilt page differs visibly from the original")
        }
        Reason::TextRecallLow => (
            "文字の多くが検索やコピーのできないページがあります",
            "much of the text of a page cannot be searched or copied",
        ),
        Reason::Unwrapped => (
            "ほかのソフトでは開けない形式（winmail.dat、署名付きメールなど）の中身を取り出しました",
            "what lay in a format that many programs cannot open was taken out",
        ),
        Reason::MessageIncomplete => {
            ("メッセージが壊れているため読み取れた分だけです", "a message was damaged; what could be read was kept")
        }
        Reason::ShownAsText => {
            ("予定や連絡先を読める文字にしました", "a calendar or address card was turned into readable text")
        }
        Reason::PictureUndecodable => {
            ("読み取れない画像が{count}枚あり、表示できません", "{count} pictures could not be read and are not shown")
        }
        Reason::CommentsListed => (
            "注釈（コメントや付箋）{count}個を文書の最後に一覧にしました",
            "{count} comments are listed at the end of the document",
        ),
        Reason::StructureRepaired => {
            ("文書の構造の乱れを{count}か所直しました", "{count} places of the document's structure were put in order")
        }
        Reason::Layers => (
            "レイヤーや追加のチャンネルを{count}個取り除きました（重ねて見える画像にしました）",
            "{count} layers or further channels were removed (the picture is what they show together)",
        ),
        Reason::DrawingMotion => {
            ("図の動き（アニメーション）を{count}個止めました", "{count} movements of the drawing were stopped")
        }
        Reason::VectorDrawn => ("図（SVG）を画像にしました", "the drawing (SVG) was turned into a picture"),
        Reason::DrawingTextLost => (
            "図の中の文字は、フォントがないため表示できません",
            "words in the drawing are not shown: there are no fonts here",
        ),
        Reason::MetafileDrawn => (
            "古い形式の図（EMF・WMF）を{count}件画像にしました",
            "{count} drawings in an old format (EMF, WMF) were turned into pictures",
        ),
        Reason::PageUnreadable => (
            "内容を読み取れず、白紙になったページが{count}ページあります",
            "{count} pages could not be read and are blank",
        ),
        Reason::GlyphsLost => (
            "フォントが壊れているか文書に含まれていないため、表示できない文字が{count}個あります",
            "{count} characters of damaged or missing fonts are not shown",
        ),
        Reason::ControlsDrawn => (
            "チェックボックスやボタン{count}個を、文字の付いた図形にしました",
            "{count} check boxes, drop-down lists, buttons and labels were turned into shapes with their text",
        ),
        Reason::OfficeToPages => {
            ("管理者の設定により、ページ（PDF）にしてお渡しします", "by policy it is delivered as pages (PDF)")
        }
        Reason::PageCountDiffers => ("元の文書とページ数が違います", "it has more or fewer pages than the original"),
        Reason::PivotValues => (
            "ピボットテーブル{count}件を、表示されていた値だけにしました（見えない元データを渡さないため）",
            "{count} pivot tables were reduced to the values that they show, because the data behind them can hold more than is seen",
        ),
        Reason::TrackingPixel => (
            "開封を差出人に知らせる見えない画像を{count}個取り除きました",
            "{count} pictures that tell the sender of the opening of the mail were removed",
        ),
        Reason::LinksRemoved => ("Webアドレスを{count}個取り除きました", "{count} web addresses were removed"),
        Reason::LinksDefanged => (
            "Webアドレス{count}個を、押しても開かない形（hxxps）にしました",
            "{count} web addresses were written so that they do not open (hxxps)",
        ),
        Reason::MarkupAsText => (
            "プログラム用のデータを、そのまま文字としてお渡しします",
            "data for programs is passed on as text, as it is",
        ),
        Reason::MailAsText => (
            "添付されたメールを文字だけのファイルにしました（中の添付ファイルは別に並べました）",
            "the attached mail was turned into a text file; what was attached to it lies beside it",
        ),
        Reason::EncryptedAgain => {
            ("開いたときのパスワードを付け直しました（AES-256）", "it has the password again that opened it (AES-256)")
        }
        Reason::TextOnly => (
            "文字だけを取り出しました。レイアウト・図・画像はありません",
            "only its text is passed on, without layout and pictures",
        ),
        Reason::EmptyBody => ("本文がありません", "there is no text"),
        Reason::ManyRecipients => ("宛先が多数です", "there are many recipients"),
        Reason::MoreFindings => ("ほかにも変更があります", "there were more findings"),
        Reason::MemberWithheld => ("中のファイルを{count}個お渡しできません", "{count} members were not passed"),
        Reason::NotScanned => ("ウイルス検査の設定がありません", "no scanner is set up"),
        Reason::HiddenSheet => {
            ("非表示のシートが{count}枚あります（残しました）", "there are {count} hidden sheets (kept)")
        }
        Reason::HiddenSlide => {
            ("非表示のスライドが{count}枚あります（残しました）", "there are {count} hidden slides (kept)")
        }
        Reason::PivotKept => (
            "ピボットテーブル{count}件は、表示する値がファイルに保存されていないため、そのまま残しました（Excelで編集を有効にすると、シートのデータから表示されます）",
            "{count} pivot tables were kept, because the file does not store the values that they show (Excel computes them from the sheets when editing is enabled)",
        ),
        Reason::HiddenTextKept => (
            "見えない文字が{count}か所あります（印を付けて残しました）",
            "there is hidden text in {count} places (kept and marked)",
        ),
    }
}
