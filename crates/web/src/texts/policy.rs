//! What is in force, drafts, and what they would change.

macro_rules! policy {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! {
            [$($rest)*] $($before)*

            // Values, drafts and their effect
            nav_policy: "ポリシー" / "Policy";
            policy_lead: "いま効いている設定です。下書きで変えられるものは公開するとすぐに効き、それ以外は設定ファイルで変えて再起動します。設定ファイルに書いてある値は、ここでは変わりません。パスワードなどの秘密は表示しません。" / "What is in force. What a draft may change takes effect when it is published; the rest is changed in the configuration file. What stands in that file is not changed here. Secrets are not shown.";
            policy_published: "公開した版" / "published";
            policy_draft: "下書き" / "Draft";
            policy_draft_lead: "設定ファイルと同じ書き方で、[policy] [mail] [pages] [office] [limits] の値を書きます。公開した版に書いていない値は、設定ファイルの値か既定値です。" / "Values of [policy], [mail], [pages], [office] and [limits], written as in the configuration file. What is not written is that of the file or the default.";
            policy_try: "試す受付番号（任意）" / "Receipt to try it on (optional)";
            policy_try_hint: "原本が残っているメールかアップロードを、下書きの設定で作り直してみます。結果は保存も配送もしません。" / "A mail or upload whose original is still kept is converted under the draft. Nothing is stored or delivered.";
            policy_file_field: "試すファイル" / "File to try it on";
            policy_file_hint: "1つ、50MBまで。いまの設定と下書きの両方で作り直して比べます。ファイルも結果も保存しません。" / "One, up to 50 MB. It is converted under both what is in force and the draft. Neither file nor results are kept.";
            policy_file_try: "このファイルで試す" / "Try it on this file";
            policy_no_file: "試すファイルが選択されていないか、空です。" / "No file was chosen, or it is empty.";
            policy_file_large: "試すことができるのは 50MB までのファイルです。" / "A file to try may have at most 50 MB.";
            policy_record: "最近の記録から分かること" / "What the record of the last days says";
            policy_effect: "変わること" / "What would change";
            policy_messages: "メール・アップロード" / "Mails and uploads";
            policy_parts: "ファイル" / "Files";
            policy_unknown: "次の項目の影響は、記録からは分かりません。受付番号かファイルで試してください。" / "What these do is not in the record. Try them on a receipt or a file:";
            effect_withheld: "お渡しできなくなる" / "Withheld, where it passed";
            effect_some_withheld: "上限を超えるため、一部をお渡しできなくなる" / "Over the limit: some of it withheld";
            effect_otherwise: "お渡しするが、作り直し方が変わる" / "Passed, but written otherwise";
            effect_tried: "お渡しできなかったものを作り直してみる（渡せるかは試さないと分からない）" / "Tried, where it was withheld (whether it passes is seen only then)";
            policy_check: "違いを見る" / "See what changes";
            policy_changes: "変わる値" / "Values that change";
            policy_same: "いまと同じです。" / "Nothing changes.";
            policy_before: "いま" / "Now";
            policy_after: "下書き" / "Draft";
            policy_trial: "試した結果" / "Trial of";
            policy_differs: "（違いあり）" / "(differs)";
            policy_why: "理由（必須）" / "Reason (required)";
            policy_why_missing: "理由を書いてください。" / "Give a reason.";
            policy_publish: "公開する" / "Publish";
            policy_stale: "ほかの人が先に公開しました。違いを見直してから、もう一度公開してください。" / "Somebody else has published meanwhile. Look at the changes again and publish once more.";
            policy_no_receipt: "その受付番号の記録はありません。" / "There is no record with that receipt.";
            policy_fault: "この下書きは使えません。" / "This draft cannot be used.";
            policy_versions: "公開の履歴" / "Published versions";
            policy_no_versions: "まだ公開していません。" / "Nothing was published yet.";
            policy_in_force: "（有効）" / "(in force)";
            policy_back: "戻す" / "Go back";
            policy_from: "この版を下書きにする" / "Draft from this version";
            policy_key: "項目" / "Key";
            policy_value: "値" / "Value";
            policy_origin: "出どころ" / "Origin";
            policy_default: "既定値" / "default";
            policy_file: "設定ファイル" / "configuration file";

            // Sections of the configuration
            section_site: "組織" / "Organisation";
            section_smtp: "メールの受け付け" / "Intake of mail";
            section_delivery: "メールの配送" / "Delivery of mail";
            section_policy: "お知らせと件名" / "Account and subject";
            section_mail: "メールと文書の文字" / "Text of mails and files";
            section_pages: "ページの文書（PDF）" / "Documents of pages (PDF)";
            section_office: "Office文書" / "Office documents";
            section_passwords: "パスワード付きファイル" / "Files with passwords";
            section_limits: "上限" / "Limits";
            section_retention: "保存期間" / "Retention";
            section_log: "ログ" / "Log";
            section_portal: "職員用ポータル" / "Staff portal";
            section_admin: "管理画面" / "Admin console";
            section_icap: "プロキシーとの連携（ICAP）" / "Proxies (ICAP)";
            section_requests: "原本の取り寄せ" / "Requests for originals";
            section_directory: "ディレクトリ（LDAP・Active Directory）" / "Directory (LDAP, Active Directory)";
            section_oidc: "組織のアカウント（OpenID Connect）" / "Organisation accounts (OpenID Connect)";
            section_digest: "まとめのメール" / "Digest mails";
            section_other: "全体" / "General";
        }
    };
}
