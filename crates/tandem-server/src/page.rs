//! The page at `/`: what is served here, for whoever opens it in a browser. Plain HTML; not the room, and no script.

use std::fmt::Write as _;

use crate::app::App;

/// The page.
pub fn index(app: &App) -> String {
    let project = &app.project;
    let mut html = String::from("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>");
    let name = escape(&project.name);
    let _ = write!(
        html,
        "{name}: Tandem</title><style>body{{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}}\
         code{{background:#f2f2f2;padding:0 .2em}}dt{{font-weight:600;margin-top:.6em}}</style>\
         <h1>{name}</h1><p>{}. See <a href=\"/ready\">positions and releases</a>, the \
         <a href=\"/openapi.json\">OpenAPI document</a>, and the <a href=\"/v1/served\">served rows</a>.</p>",
        state(app)
    );
    html.push_str("<h2>Questions</h2><dl>");
    for question in &project.questions {
        let (name, text, who) = (escape(&question.name), escape(&question.question), escape(&question.asked_by));
        let _ = write!(html, "<dt>{text}</dt><dd>Asked by {who}. <code>POST /v1/questions/{name}/features</code></dd>");
    }
    html.push_str("</dl><h2>Models</h2><dl>");
    let live = app.live.all();
    for model in &project.models {
        let (name, meaning) = (escape(&model.name), escape(&model.meaning));
        let release = live.iter().find(|f| f.model.name == model.name).map(|f| escape(&f.model.release));
        let _ = match release {
            Some(release) => write!(
                html,
                "<dt>{name}</dt><dd>{meaning} Release <code>{release}</code>. <code>POST /v1/models/{name}/predictions</code></dd>"
            ),
            None => write!(html, "<dt>{name}</dt><dd>{meaning} Not released yet.</dd>"),
        };
    }
    html.push_str("</dl><h2>Features</h2><dl>");
    for feature in &project.features {
        let (name, meaning, owner) = (escape(&feature.name), escape(&feature.meaning), escape(&feature.owner));
        let entity = escape(&project.entities[feature.entity].name);
        let _ = write!(html, "<dt><code>{name}</code></dt><dd>{meaning} (of each {entity}; ask {owner})</dd>");
    }
    html.push_str("</dl><h2>Sources</h2><dl>");
    for source in &project.sources {
        let (name, meaning) = (escape(&source.name), escape(&source.meaning));
        let _ = write!(html, "<dt>{name}</dt><dd>{meaning} <code>POST /v1/sources/{name}/records</code></dd>");
    }
    html.push_str("</dl></html>");
    html
}

fn state(app: &App) -> String {
    match app.ready() {
        Ok(_) => "Ready".to_owned(),
        Err(problem) => format!("Not ready: {}", escape(&problem.detail)),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
