//! The organisations that one gateway serves: shown only to whoever runs it, and where there are several.

macro_rules! tenants {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! {
            [$($rest)*] $($before)*

            // Tenants
            nav_tenants: "団体" / "Tenants";
            tenants_lead: "このゲートウェイが受け持つ団体です。メール、ファイル、利用者、監査ログは団体ごとに別のデータベースにあり、ほかの団体からは見えません。ここに出るのは件数だけです。" / "The organisations that this gateway serves. Mails, files, accounts and audit logs of each are in a database of its own, which no other organisation sees. Only figures are shown here.";
            tenants_own: "このゲートウェイの団体" / "The gateway's own";
            tenants_own_domains: "ほかの団体に属さないドメイン" / "Whatever no other tenant has";
            tenants_waiting: "団体別の待ち" / "Waiting, by tenant";
            tenant_new: "団体を追加する" / "Add a tenant";
            tenant_title: "団体の設定" / "Settings of a tenant";
            tenant_key: "キー" / "Key";
            tenant_key_rule: "英小文字・数字・ハイフンで32文字まで（先頭は英字）。あとから変えられません。" / "At most 32 lower-case letters, digits and hyphens, of which the first is a letter. It never changes.";
            tenant_key_bad: "キーの形が正しくありません。" / "The key is not of the allowed form.";
            tenant_key_taken: "このキーの団体はすでにあります。" / "There is a tenant with this key already.";
            tenant_name: "団体の名前" / "Name of the organisation";
            tenant_domains: "メールのドメイン" / "Mail domains";
            tenant_domains_rule: "1行に一つ書きます。ここに書いたドメインあてのメールが、この団体のメールになります。" / "One on each line. Mail for these domains is this tenant's.";
            tenant_domain_bad: "ドメインの形が正しくありません。" / "A domain is not of the allowed form.";
            tenant_domain_taken: "ほかの団体のドメインが含まれています。" / "One of the domains belongs to another tenant.";
            tenant_portal: "職員の画面のアドレス" / "Address of the portal";
            tenant_admin: "管理画面のアドレス" / "Address of the console";
            tenant_address_rule: "https:// とホスト名を書きます。団体は、このホスト名で見分けます。" / "https:// and a host name. Tenants are told apart by it.";
            tenant_address_bad: "アドレスの形が正しくありません。" / "An address is not of the allowed form.";
            tenant_address_taken: "このホスト名は、ほかの団体の画面に使われています。" / "The host name leads to the site of another tenant.";
            tenant_too_many: "これ以上の団体は受け持てません。" / "No more tenants can be served.";
            tenant_value_bad: "名前が空か長すぎます。または、ドメインが多すぎます。" / "The name is empty or too long, or there are too many domains.";
            tenant_save: "保存する" / "Save";
            tenant_save_hint: "名前かアドレスを変えると、この団体の画面とメールの受け付けが数秒から数十秒のあいだ止まります。届いたメールは送り元が送り直します。" / "When the name or an address changes, this tenant's pages and mails pause for seconds, half a minute at most. Senders repeat mails that come meanwhile.";
            tenant_remove: "団体を削除する" / "Remove the tenant";
            tenant_remove_hint: "メール・ファイル・隔離が一件も残っていないときだけ削除できます。監査ログはディスクに残ります。" / "Only while no mail, file or withheld original is kept. Its audit log stays on disk.";
            tenant_not_vacant: "メール・ファイル・隔離が残っているため削除できません。" / "It cannot be removed while mails, files or withheld originals are kept.";
            tenant_invite: "最初の管理者を登録するリンクを作る" / "Make a link for the first administrator";
            tenant_invite_hint: "24時間、一度だけ使えます。前に作ったリンクは使えなくなります。" / "It works once, within 24 hours, and voids the one before.";
            tenant_invited: "次のリンクを、この団体の担当者に渡してください。この画面を閉じると二度と表示されません。" / "Give this link to whoever administers the tenant. It is not shown again.";
            tenant_invited_none: "この団体には利用者がいます。管理者の追加は、その団体の管理画面で行います。" / "There are accounts already. Administrators are added on the tenant's own console.";
            tenant_waiting: "変換待ち" / "Waiting";
            tenant_running: "変換中" / "Converting";
            tenant_oldest: "最も古い待ち" / "Oldest";
            tenant_deliveries: "配送待ち" / "To deliver";
            meaning_tenants: "動作を始められないか、メールを配送できない団体があります。動いていない団体のメールには、送り元にあとで送り直すよう答えています。ほかの団体には影響ありません。自動でやり直します。原因はログにあります。" / "A tenant cannot be served, or its mail not be delivered. Senders to one that is not served are told to come back; no other tenant is affected. It is tried again by itself, and the log says why.";
            tenant_silent: "応答がありません" / "No answer";
            tenant_clash_title: "変更できませんでした" / "Not changed";
        }
    };
}
