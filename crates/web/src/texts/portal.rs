//! The portal: sending files, their results and pages, and what somebody sent and received.

macro_rules! portal {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! {
            [$($rest)*] $($before)*

            // Upload
            upload_title: "ファイルを無害化する" / "Sanitise files";
            upload_lead: "外部から受け取ったファイルを、安全な形に作り直してお渡しします。" / "Files received from outside are rebuilt from scratch and given back to you.";
            upload_field: "無害化するファイル" / "Files to sanitise";
            upload_drop: "ここにファイルをドラッグ＆ドロップすることもできます。" / "You can also drop files here.";
            upload_drop_whole: "ドラッグ＆ドロップの範囲をこのブラウザウィンドウ全体に広げる" / "Take files that are dropped anywhere in this window";
            upload_subject: "理由・件名（任意）" / "Reason or subject (optional)";
            upload_subject_hint: "あとで履歴から探すときの手がかりになります。200文字まで。情報システム担当も見ることができます。" / "Helps you find the files in your history. Up to 200 characters; administrators can see it.";
            upload_subject_long: "理由・件名は200文字までです。短くしてから、もう一度送ってください。" / "The reason or subject may have 200 characters. Please shorten it and send the files again.";
            subject_given: "理由・件名" / "Reason or subject";
            upload_submit: "無害化する" / "Sanitise";
            upload_sending: "送信しています…" / "Sending…";
            upload_waiting: "接続が戻るのを待っています…" / "Waiting for the connection…";
            upload_signed_out: "サインアウトしたため、送るのを待っています。選んだファイルはこの画面に残っています。もう一度サインインすると、続きから送ります（別のウインドウが開きます）。" / "You are signed out, so sending waits. What you chose stays here and goes on once you have signed in again, in another window.";
            upload_busy: "混み合っています。少し待ってから続けます…" / "Busy. It goes on in a moment…";
            upload_chosen: "選択したファイル" / "Chosen files";
            upload_remove: "取り消す" / "Remove";
            upload_choose: "ファイルを選択" / "Choose files";
            upload_check_large: "1ファイルの上限を超えています。送っても受け付けません。" / "Larger than the limit for one file; it will not be accepted.";
            upload_check_many: "1回に送れるファイルの数を超えています。送っても受け付けません。" / "More files than can be taken at once; it will not be accepted.";
            upload_check_total: "合計の上限を超えています。送っても受け付けません。" / "The total limit is exceeded; it will not be accepted.";
            upload_formats: "使える形式" / "File types that can be rebuilt";
            upload_formats_rest: "それ以外の形式は、安全に作り直せないため、お渡しせずに情報システム担当が預かります。" / "Any other type cannot be rebuilt safely. It is withheld and kept by the administrators.";
            upload_what_happens: "どのように安全にするか" / "How files are made safe";
            upload_what_happens_text: "ファイルを隔離された場所で読み取り、文字や画像だけを取り出して、新しいファイルとして書き直します。原本の中身をそのまま渡すことはありません。取り除いたものと変えたものは、結果の画面ですべてお知らせします。" / "Each file is read in an isolated room, only its text and pixels are taken over, and a new file is written. No byte of the original is passed on. Everything removed or changed is listed with the result.";
            upload_none: "ファイルが選択されていません。ファイルを選んでから「無害化する」を押してください。" / "No file was chosen. Choose at least one file, then press “Sanitise”.";
            upload_too_large: "1ファイルの上限を超えているため、受け付けませんでした。" / "Not accepted: larger than the limit for one file.";
            upload_too_many: "1回に受け付けるファイルの数を超えたため、受け付けませんでした。" / "Not accepted: more files than can be taken at once.";
            upload_total: "合計の上限を超えたため、受け付けませんでした。" / "Not accepted: the total limit was reached.";
            upload_broken: "送信の途中で途切れたため、受け付けませんでした。もう一度送ってください。" / "Not accepted: the transfer broke off. Please send it again.";
            upload_not_stored: "保存できなかったため、受け付けませんでした。しばらくしてからもう一度送ってください。" / "Not accepted: it could not be stored. Please try again later.";
            upload_empty: "空のファイルです（0バイト）。" / "The file is empty (0 bytes).";
            upload_rest: "送られた内容を読み取れなかったため、受け付けませんでした。もう一度送ってください。" / "Not accepted: what was sent could not be read. Please send it again.";
            upload_rest_name: "このあとに送られたファイル" / "Any files behind these";
            upload_refused_title: "一部のファイルを受け付けられませんでした" / "Some files were not accepted";
            upload_refused_all_title: "ファイルを受け付けられませんでした" / "No file was accepted";
            upload_refused_lead: "次のファイルは受け付けていません。ほかのファイルの処理は続いています。" / "The following files were not accepted. The others are being processed.";
            upload_see_result: "受け付けたファイルの結果を見る" / "See the accepted files";
            upload_again: "続けて別のファイルを無害化する" / "Sanitise more files";

            // In which form
            output_title: "出力" / "Output";
            output_same: "できるだけ元の形式" / "As close to the original as possible";
            output_pages: "ページ（Office文書をPDFに）" / "Pages (Office documents as PDF)";
            output_raster: "ページの画像" / "Pages as images";
            output_text: "文字だけ（ほかの方法で渡せないとき）" / "The words only, where nothing else passes";
            output_again: "別の形式で作り直す" / "Rebuild it in another form";
            output_again_do: "作り直す" / "Rebuild";

            // Result
            result_title: "無害化の結果" / "Result";
            receipt: "受付番号" / "Receipt";
            received_at: "受付" / "Received";
            expires_at: "ダウンロード期限" / "Available until";
            result_keep: "この画面のアドレスを知っている人だけが、結果を見て、ファイルを受け取ることができます。" / "Only those who know the address of this page can see the result and fetch the files.";
            result_keep_own: "この画面を見て、ファイルを受け取ることができるのは、送ったあなただけです。" / "Only you, who sent them, can see this page and fetch the files.";
            result_pending: "画面を閉じても処理は続きます。このアドレスを開けば、あとから結果を確認できます。" / "You may close this page; processing goes on. Open this address again to see the result.";
            result_page: "ページ" / "Page";
            result_refresh: "最新の状態を表示する" / "Show the latest state";
            result_files: "ファイル" / "Files";
            result_download: "ダウンロード" / "Download";
            result_download_of: "安全なファイルをダウンロード" / "Download the safe file";
            result_all: "安全なファイルをまとめてダウンロード（ZIP）" / "Download all safe files (ZIP)";
            result_cancel: "中止" / "Cancel";
            result_findings: "取り除いたもの・変えたもの" / "Removed or changed";
            result_no_findings: "取り除いたものはありません。中身を読み取り、新しいファイルとして作り直しました。" / "Nothing was removed. The content was read and written as a new file.";
            result_withheld_why: "お渡しできない理由" / "Why it is withheld";
            result_original_gone: "原本は削除されたか、保存期間が過ぎました。必要な場合は、差出人に送り直しを頼んでください。" / "The original was deleted or its storage period is over. If you need it, ask the sender to send it again.";
            result_withheld_next: "原本は情報システム担当が預かっています。必要な場合は、受付番号を添えて情報システム担当に連絡してください。" / "The original is kept by the administrators. If you need it, contact your IT section with the receipt number.";
            upload_lock: "開くにはパスワードが必要です" / "A password is needed to open it";
            upload_lock_lead: "別に届いたパスワードを貼り付けてください。開けたときは、作り直したファイルをこの画面でお渡しします。パスワードは保存せず、記録にも残しません。" / "Paste the password that came separately. The rebuilt file is then given to you on this page. The password is neither stored nor logged.";
            upload_lock_exhausted: "パスワードを入力できる回数を使い切りました。ファイルをもう一度送ると、あらためて入力できます。" / "No tries are left for the password. Send the file again to try again.";
            result_members: "中に入っていたファイル" / "Files inside";
            result_expired: "保存期間が過ぎたため、ダウンロードできません。" / "The storage period is over; it can no longer be downloaded.";
            result_technical: "技術情報" / "Technical details";
            result_type: "中身から判定した形式" / "Type found by content";
            result_sizes: "大きさ（元 → 作り直したもの）" / "Size (original → rebuilt)";
            result_time: "処理時間" / "Processing time";
            result_gone_title: "結果が見つかりません" / "No such result";
            result_gone: "アドレスが正しくないか、保存期間が過ぎています。" / "The address is wrong or the storage period is over.";

            // Pages
            pages_title: "安全なファイルのページ" / "Pages of the safe file";
            pages_lead: "作り直したファイルを画像で表示しています。" / "The rebuilt file, shown as pictures.";
            pages_navigation: "ページの移動" / "Pages";
            pages_previous: "前のページ" / "Previous page";
            pages_next: "次のページ" / "Next page";
            pages_back: "結果の画面へ戻る" / "Back to the result";
            pages_none: "画像で表示できません。理由: " / "It cannot be shown as a picture: ";
            preview_none: "表示できません" / "Cannot be shown";
            preview_busy: "混み合っています" / "Busy";

            // States
            state_queued: "順番を待っています" / "Waiting";
            state_working: "作り直しています" / "Being rebuilt";
            state_retrying: "もう一度試しています" / "Being tried again";
            state_done: "完了" / "Done";
            state_changed: "完了（一部を除去・変更）" / "Done (parts removed or changed)";
            state_partly: "完了（一部を管理者が保管）" / "Done (parts withheld)";
            state_withheld: "お渡しできません（管理者が保管）" / "Withheld (kept by administrators)";
            state_cancelled: "取り消しました" / "Cancelled";
            state_failed: "処理できませんでした（管理者が保管）" / "Could not be processed (kept by administrators)";

            // History and deep links
            history_uploads: "アップロードしたファイル" / "Uploaded files";
            history_search_hint: "ファイル名・理由・件名・差出人・受付番号の一部" / "part of a file name, reason, subject, sender or receipt";
            history_all: "検索をやめて、すべて表示する" / "Show everything";
            history_request: "原本の取り寄せ" / "Original asked for";
            history_mails: "届いたメール" / "Mails received";
            history_no_address: "メールアドレスが登録されていないため、届いたメールは表示できません。必要な場合は情報システム担当に連絡してください。" / "No mail address is registered for you, so your mails cannot be shown. Ask an administrator if you need this.";
            mail_title: "届いたメールの無害化の結果" / "What was done to the mail";
            mail_locked: "パスワードが必要です" / "A password is needed";
            mail_locked_lead: "別に届いたパスワードを入力すると、作り直したファイルを元のメールの宛先に送ります。パスワードは保存せず、記録にも残しません。" / "Enter the password that came separately. The rebuilt files are sent to the recipients of the mail. The password is neither stored nor logged.";
            mail_no_parts: "添付ファイルはありません。" / "There are no attachments.";
        }
    };
}
