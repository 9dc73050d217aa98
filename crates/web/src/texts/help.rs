//! The help page of the portal.

macro_rules! help {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! {
            [$($rest)*] $($before)*

            nav_help: "ヘルプ" / "Help";
            help_lead: "このポータルの使い方です。困ったときは、受付番号を添えて情報システム担当に連絡してください。" / "How to use this portal. If you are stuck, contact your IT section with the receipt number.";
            help_contents: "目次" / "Contents";

            help_what: "できること" / "What it does";
            help_what_text: "外部から受け取ったファイルを、隔離された場所で読み取り、文字や画像などの中身だけを使って新しいファイルに書き直してお渡しします。マクロ、埋め込まれたプログラム、外部へのつながりなどは移りません。ウイルスを探して取り除くのではなく、安全に書けるものだけで作り直します。" / "Files from outside are read in an isolated room, and a new file is written from their content alone: words, tables, pictures. Macros, embedded programs and connections to the outside do not come along. Nothing is searched for and cut out; only what can be written safely is written.";
            help_steps: "使い方" / "How to use it";
            help_step_send: "「ファイルを無害化する」でファイルを選び、「無害化する」を押します。理由・件名を書いておくと、あとで履歴から探せます。" / "Choose files under “Sanitise files” and press “Sanitise”. A reason or subject helps you find them again.";
            help_step_wait: "結果の画面で待ちます。画面を閉じても処理は続きます。" / "Wait on the page of the result. You may close it; processing goes on.";
            help_step_fetch: "安全なファイルをダウンロードし、取り除いたもの・変えたものの一覧を確かめます。" / "Download the safe file, and check the list of what was removed or changed.";

            help_formats: "使える形式と、お渡しする形" / "File types and what they become";
            help_formats_given: "中身から判定した形式で扱います。名前の末尾（拡張子）が違っていてもかまいません。何がお渡しされるかは設定によっても変わり、結果の画面に出ます。" / "The type is found by content, whatever the name ends with. What you get also depends on the settings; the page of the result tells.";
            help_column_kind: "種類" / "Kind";
            help_column_types: "形式" / "Types";
            help_column_becomes: "お渡しする形" / "What you get";
            formats_documents: "文書と表" / "Documents and tables";
            formats_documents_list: "Word・Excel・PowerPoint（docx、xlsx、pptx。doc、xls、ppt、xlsb、マクロ付きも）、OpenDocument（odt、ods、odp、odg）、RTF、SYLK、DIF、一太郎（文字だけ）、PDF、テキスト、HTML・XML（文字だけ）、CSV、TSV、dBASE" / "Word, Excel and PowerPoint (docx, xlsx, pptx; also doc, xls, ppt, xlsb and those with macros), OpenDocument (odt, ods, odp, odg), RTF, SYLK, DIF, Ichitaro (its words), PDF, text, HTML and XML (their words), CSV, TSV, dBASE";
            formats_documents_becomes: "Word・Excel・PowerPointは、マクロのない、編集できる同じ種類のファイル。古い形式やOpenDocumentなどは、docx・xlsx・pptxまたはPDF。PDFは描き直したPDF。一太郎・HTML・XMLは文字だけ。CSV・TSVは数式を無害にしたもの。dBASEはCSV。" / "Word, Excel and PowerPoint stay editable files of the same kind, without macros. Older types, OpenDocument and the like become docx, xlsx, pptx or PDF. A PDF is drawn anew. Of Ichitaro, HTML and XML you get the words. CSV and TSV come with formulas made harmless; dBASE as CSV.";
            formats_pictures: "画像" / "Pictures";
            formats_pictures_list: "PNG、JPEG、GIF、BMP、TIFF、WebP、HEIC、AVIF、SVG、EMF、WMF、ICO、JPEG 2000、PSD" / "PNG, JPEG, GIF, BMP, TIFF, WebP, HEIC, AVIF, SVG, EMF, WMF, ICO, JPEG 2000, PSD";
            formats_pictures_becomes: "書き直した画像。PNG・JPEG・GIF・BMP・TIFF・WebPは同じ形式、HEIC・AVIF・JPEG 2000はJPEG（透明な部分があればPNG）、そのほかはPNG。撮影場所などの情報は残りません。" / "Pictures written anew. PNG, JPEG, GIF, BMP, TIFF and WebP keep their type; HEIC, AVIF and JPEG 2000 become JPEG (PNG where transparent), the others PNG. Positions and other data about the picture do not stay.";
            formats_mails: "メールと予定" / "Mails and appointments";
            formats_mails_list: "EML、mbox、Outlook のメール（msg、TNEF）、ics、vcf" / "EML, mbox, Outlook messages (msg, TNEF), ics, vcf";
            formats_mails_becomes: "EML・msg・TNEFは、文字だけの本文と作り直した添付ファイルのメール（EML）。mboxはメールを入れたZIP。ics・vcfは、確かめた値だけの予定・連絡先。" / "EML, msg and TNEF become a mail (EML) of plain text with rebuilt attachments; an mbox a ZIP of its mails. Of ics and vcf you get checked values only.";
            formats_archives: "まとめたもの" / "Archives";
            formats_archives_list: "ZIP、7z、RAR、LZH、CAB、TAR、ISO、gz、bz2、xz、zst、署名付きファイル（p7m）、AppleSingle、BinHex" / "ZIP, 7z, RAR, LZH, CAB, TAR, ISO, gz, bz2, xz, zst, signed files (p7m), AppleSingle, BinHex";
            formats_archives_becomes: "中のファイルを一つずつ作り直し、ZIPにまとめたもの。" / "A ZIP of the members, each rebuilt.";

            help_limits: "上限" / "Limits";
            help_limit_file: "1ファイルの大きさ" / "Size of one file";
            help_limit_total: "1回に送る合計" / "All files of one upload";
            help_limit_count: "1回に送る数" / "Files of one upload";
            help_limit_inside: "このほか、ページや画素の数、圧縮の深さなど、中身にも上限があります。超えたときは、結果の画面に上限と実際の値が出ます。" / "There are also limits on what is inside, such as pages, pixels and the depth of archives. The page of the result tells the limit and the value.";

            help_states: "状態と、そのときにすること" / "States and what to do";
            help_column_meaning: "意味" / "Meaning";
            help_column_do: "すること" / "What to do";
            help_queued: "順番を待っています。始まる前なら「中止」で取り消せます。" / "It waits for its turn. Before it begins it can be cancelled.";
            help_working: "作り直しています。ページのあるものは、何ページ目かが出ます。" / "It is being rebuilt; where there are pages, they are counted.";
            help_retrying: "一時的な理由で終わらなかったため、もう一度試します。" / "It did not end for a passing reason and is tried again.";
            help_wait: "待つだけでかまいません。" / "Nothing; just wait.";
            help_done: "作り直しました。" / "It was rebuilt.";
            help_changed: "作り直しました。取り除いたもの・変えたものがあります。" / "It was rebuilt; something was removed or changed.";
            help_fetch: "ダウンロードしてください。" / "Download it.";
            help_fetch_check: "ダウンロードし、一覧を確かめてください。足りないときは、別の形式で作り直すか、原本の取り寄せを考えます。" / "Download it and check the list. If something is missing, rebuild it in another form, or think of asking for the original.";
            help_partly: "中に、お渡しできないファイルがありました。それ以外はお渡しします。" / "Something inside cannot be passed on. You get the rest.";
            help_locked: "開くにはパスワードが必要です。" / "It needs a password.";
            help_unlock: "別に届いたパスワードを、結果の画面に入力してください。" / "Type the password that came separately on the page of the result.";
            help_withheld: "作り直せない形式、ウイルスの検知、上限などの理由で、お渡しできません。理由は結果の画面に出ます。" / "It is withheld: a type that cannot be rebuilt, a virus, a limit. The page of the result says why.";
            help_withheld_do: "差出人に別の形式（PDFなど）で送り直してもらうか、原本の取り寄せを考えます。" / "Ask the sender for another type, such as PDF, or think of asking for the original.";
            help_failed: "何度か試しましたが、作り直せませんでした。" / "Several attempts failed.";
            help_failed_do: "受付番号を添えて、情報システム担当に連絡してください。" / "Contact your IT section with the receipt number.";
            help_cancelled: "始まる前に取り消しました。" / "It was cancelled before it began.";
            help_cancelled_do: "必要なら、もう一度送ってください。" / "Send it again if you need it.";

            help_passwords: "パスワード付きのファイル" / "Files with a password";
            help_passwords_text: "ZIP・7z・RARの中のファイル、PDF、Word・Excel・PowerPointなどの暗号化は、パスワードを結果の画面に入力すると開いて作り直します。お渡しするファイルには、ふつうパスワードは付きません（設定によっては、同じパスワードの付いたZIPになります）。パスワードは、そのファイルを開くためだけに使い、保存も記録もしません。" / "Encrypted members of ZIP, 7z and RAR, and encrypted PDF, Word, Excel and PowerPoint files are opened and rebuilt when you type the password on the page of the result. What you get normally has no password; where the site wants it, it is a ZIP with the same one. The password is used for that file alone and neither stored nor logged.";

            help_originals: "原本の取り寄せ" / "Asking for the original";
            help_originals_text: "内容が足りず、差出人にも頼めないときは、結果の画面の「原本の取り寄せを申請する」から、理由を書いて申請します。承認する人が確かめ、承認か差戻しをします。申請の様子は「申請」と「わたしの履歴」で見られます。ウイルスを検知したものは申請できません。" / "Where something is missing and the sender cannot help, ask for the original on the page of the result, with your reason. Others approve it or give it back. “Requests” and “My history” show how it stands. What has a virus cannot be asked for.";
            help_originals_none: "内容が足りず、差出人にも頼めないときは、受付番号と理由を添えて、情報システム担当に連絡してください。" / "Where something is missing and the sender cannot help, contact your IT section with the receipt number and your reason.";

            help_expiry: "保存期間" / "How long it is kept";
            help_expiry_history: "期限の前なら、「わたしの履歴」からいつでも開けます。ファイル名・理由・件名・受付番号・期間で探せます。" / "Until then you find it under “My history”, and can search by file name, reason, subject, receipt and day.";
            help_expiry_link: "結果の画面のアドレスを控えておけば、期限まで開けます。アドレスを知っている人はだれでも受け取れるので、ほかの人に教えないでください。" / "Keep the address of the page of the result: it works until then. Whoever knows it can fetch the files, so do not pass it on.";
        }
    };
}
