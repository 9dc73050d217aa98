//! What stands around every page, and what roles are called.

macro_rules! frame {
    ([$next:ident $($rest:ident)*] $($before:tt)*) => {
        $next! {
            [$($rest)*] $($before)*

            // Frame
            portal: "ファイル無害化" / "File sanitising";
            console: "無害化 管理" / "Sanitising console";
            skip: "本文へ移動" / "Skip to content";
            other_language: "English" / "日本語";
            other_tag: "en" / "ja";
            navigation: "メニュー" / "Menu";
            page_of_service: "無害化ゲートウェイ Misogi" / "Misogi sanitising gateway";
            yes: "はい" / "yes";
            no: "いいえ" / "no";

            // Roles
            role_staff: "職員" / "staff";
            role_approver: "承認者" / "approver";
            role_operator: "運用担当" / "operator";
            role_auditor: "監査" / "auditor";
            role_tenant_admin: "管理者" / "administrator";
            role_platform_admin: "全体管理者" / "platform administrator";
        }
    };
}
