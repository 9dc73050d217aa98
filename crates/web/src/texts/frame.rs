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

            // The end of a session
            session_soon: "操作がないため、2分後にサインアウトします。" / "You will be signed out in 2 minutes because nothing was done.";
            session_go_on: "続ける" / "Stay signed in";
            session_at_last: "サインインの期限まで、あと5分です。入力中のものは、それまでに送ってください。" / "Your sign-in ends in 5 minutes. Please send what you are filling in before then.";
            session_over: "サインアウトしました。このままでは送れません。" / "You are signed out. Nothing can be sent from here any more.";
            session_again: "もう一度サインインする" / "Sign in again";

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
