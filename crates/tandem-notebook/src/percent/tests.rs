//! The percent format: both directions, on cells that people write and on random ones.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn code(source: &str) -> Value {
    json!({"cell_type": "code", "metadata": {}, "source": source, "execution_count": null, "outputs": []})
}

fn notebook(cells: &[Value]) -> Value {
    let spec = json!({"display_name": "Python 3", "language": "python", "name": "python3"});
    json!({"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5})
}

fn both_ways(cells: &[Value]) -> String {
    let notebook = notebook(cells);
    let text = write(&notebook);
    let back = read(&text);
    assert_eq!(back["cells"], notebook["cells"], "\n{text}");
    assert_eq!(back["metadata"], notebook["metadata"], "\n{text}");
    assert_eq!(write(&back), text);
    text
}

#[test]
fn it_looks_as_jupytext_writes_it() {
    let text = both_ways(&[
        json!({"cell_type": "markdown", "metadata": {}, "source": "# Title\n\ntext"}),
        json!({"cell_type": "code", "id": "a1", "metadata": {"tags": ["x"]}, "source": "%matplotlib inline\nimport a\n!ls\nx = !pwd", "execution_count": null, "outputs": []}),
        code("%%bash -e\nls"),
        code("%%time\nf()"),
    ]);
    let body = text.split("# ---\n\n").nth(1).unwrap();
    let expected = "# %% [markdown]\n# # Title\n#\n# text\n\n# %% tags=[\"x\"] nbformat_id=\"a1\"\n# %matplotlib inline\nimport a\n# !ls\n# x = !pwd\n\n# %% magic_args=\"-e\" language=\"bash\"\n# ls\n\n# %%\n# %%time\nf()\n";
    assert_eq!(body, expected);
}

#[test]
fn what_the_format_cannot_say_is_kept_exactly() {
    let texts = [
        "",
        "\n",
        "x\n\n\n",
        "   ",
        "x\n   ",
        "# %% [markdown]\ny",
        "a = 1\n# %%\nb",
        "x\r\ny\r\n",
        "s = '''\n# %%\n%time\n'''",
        "\tif x:\n\t\ty",
        "%%python\nx",
        "# %matplotlib",
        "#%%time",
        "x?",
        "# why?",
        "cd ..",
        "!pip install x \\\n  y",
        "# In[3]:\nx",
        "\n\nx",
        "\"\"\"\nopen",
        "  f = !ls",
        "\\r\\n\r",
        "#|x",
        "# ---\n# a\n# ---",
    ];
    let kinds = ["code", "markdown", "raw"];
    for kind in kinds {
        let cells = texts.iter().map(|text| match kind {
            "code" => code(text),
            kind => json!({"cell_type": kind, "metadata": {}, "source": text}),
        });
        both_ways(&cells.collect::<Vec<_>>());
    }
}

#[test]
fn metadata_of_any_kind_comes_back() {
    let metadata = [
        json!({"title": "a = b"}),
        json!({"title": "Plain title", "tags": []}),
        json!({"nbformat_id": 1, "_exact": 2, "exact": true}),
        json!({"a b": {"c": "d=e {f}"}}),
        json!({"active": ""}),
        json!({"active": "py", "k": null}),
        json!({"run_control": {"frozen": true}}),
        json!({"language": "sql"}),
        json!({"end_of_cell": "x"}),
        json!({"cell_type": "x", "tags": ["active-ipynb"]}),
        json!({"colab": {"base_uri": "https://x/?a=b"}, "id": "Xy"}),
    ];
    for kind in ["code", "markdown", "raw"] {
        let cells = metadata.iter().map(|metadata| {
            let mut cell = if kind == "code" {
                code("%time x\ny")
            } else {
                json!({"cell_type": kind, "metadata": {}, "source": "x\n%y"})
            };
            cell["metadata"] = metadata.clone();
            cell
        });
        both_ways(&cells.collect::<Vec<_>>());
    }
}

#[test]
fn a_file_of_another_hand_is_read() {
    let text = "# ---\n# title: Mine\n# jupyter:\n#   kernelspec:\n#     name: 'p'\n# ---\r\n\nimport a\n\n\n# %% [md]\n\"\"\"\nsome *text*\n\"\"\"\n#%%\nx = 1\n\n\n# %% A title [markdown] key=\"v\"\n# t\n";
    let cells = read(text)["cells"].clone();
    let sources: Vec<&str> = cells.as_array().unwrap().iter().map(|cell| cell["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["---\ntitle: Mine\n---", "import a", "some *text*", "x = 1", "t"]);
    assert_eq!(cells[4]["metadata"], json!({"key": "v", "title": "A title"}));
    assert_eq!(read(text)["metadata"]["kernelspec"], json!({"name": "p"}));
    assert_eq!(read("x = 1\r\ny = 2\r\n")["cells"][0]["source"], "x = 1\ny = 2");
}

fn any_line() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "",
        " ",
        "\t",
        "x = 1",
        "# %%",
        "# %% [markdown]",
        "#%%",
        "%%",
        "%%time",
        "%%bash",
        "%time x",
        "!ls",
        "?x",
        "x?",
        "# ",
        "#",
        "# !ls",
        "\"\"\"",
        "'''",
        "\"",
        "'",
        "y = !pwd",
        "    # %%",
        "def f():",
        "    return 1",
        "cd ..",
        "ls -l \\",
        "\\",
        "\r",
        "é",
        "#|",
        "---",
        "# ---",
        "{",
        "=",
        "```",
        "$x$",
        "In[1]:",
        "# In[1]:",
    ]);
    prop::collection::vec(words, 0..4).prop_map(|words| words.concat())
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[ -~é]{0,8}".prop_map(Value::from),
        prop::collection::vec("[a-z=\\[{\" -]{0,5}", 0..3).prop_map(Value::from),
        Just(json!({"a": {"b": "c=d"}})),
    ]
}

fn any_cell() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec![
        "tags",
        "title",
        "active",
        "language",
        "magic_args",
        "collapsed",
        "exact",
        "nbformat_id",
        "end_of_cell",
        "a b",
        "x.y",
        "cell_type",
        "_exact",
        "run_control",
        "=",
        "",
    ]);
    let metadata = prop::collection::btree_map(keys, any_value(), 0..4);
    let kinds = prop::sample::select(vec!["code", "code", "markdown", "raw"]);
    (kinds, prop::collection::vec(any_line(), 0..6), metadata, prop::option::of("[a-zA-Z0-9_-]{1,10}")).prop_map(
        |(kind, lines, metadata, id)| {
            let metadata: Map<String, Value> =
                metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            Cell {
                kind: match kind {
                    "code" => Kind::Code,
                    "markdown" => Kind::Markdown,
                    _ => Kind::Raw,
                },
                source: lines.join("\n"),
                metadata,
                id,
            }
            .into_json()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn every_notebook_comes_back(cells in prop::collection::vec(any_cell(), 0..5)) {
        both_ways(&cells);
    }

    #[test]
    fn every_text_is_read_and_what_is_written_of_it_stays(lines in prop::collection::vec(any_line(), 0..12)) {
        let once = read(&lines.join("\n"));
        let text = write(&once);
        prop_assert_eq!(&read(&text)["cells"], &once["cells"]);
        prop_assert_eq!(write(&read(&text)), text);
    }
}
