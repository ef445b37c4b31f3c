//! A small shop in a temporary folder: one source, two features, one question, one model.

#![allow(dead_code)] // each test file uses its part

use std::path::Path;

use tempfile::TempDir;

/// The records: id, customer, amount, when, when seen.
pub const RECORDS: &str = "id,customer,amount,at,seen
1,ann,10.5,2024-01-01T08:00:00Z,2024-01-01T08:01:00Z
2,bob,20,2024-01-01T09:00:00Z,2024-01-01T09:01:00Z
3,ann,30,2024-01-01T10:00:00Z,2024-01-03T10:01:00Z
4,cid,5,2024-01-02T08:00:00Z,2024-01-02T08:01:00Z
5,ann,1,2024-01-04T10:00:00Z,2024-01-04T10:01:00Z
";

/// A lock of one package.
pub const LOCK: &str = "six==1.17.0 \\
    --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274
";

const TEAM: &str = "name: shop
people: [{name: sam, role: data scientist}, {name: pat, role: product}]
entities: [{name: customer, meaning: A person who buys}]
";

const ORDERS: &str = "apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
servers: [{server: production, type: local, path: orders.csv, format: csv}]
schema:
  - name: orders
    logicalType: object
    customProperties: [{property: timeZone, value: America/New_York}]
    properties:
      - {name: id, logicalType: integer, required: true, customProperties: [{property: identity, value: true}]}
      - {name: customer, logicalType: string, customProperties: [{property: entity, value: customer}]}
      - {name: amount, logicalType: number}
      - {name: at, logicalType: timestamp, customProperties: [{property: timeRole, value: event}]}
      - {name: seen, logicalType: timestamp, customProperties: [{property: timeRole, value: arrival}]}
";

const FEATURES: &str = "entity: customer
features:
  - {name: spent, meaning: What was spent in the last week, owner: sam, from: orders, value: sum(amount), over: 7 days}
  - {name: orders_so_far, meaning: How many orders there were, owner: sam, from: orders, value: count(*)}
";

const QUESTION: &str = "name: comes_back
question: Who orders again within two days?
asked_by: pat
decides: Whom to send a voucher
observe: {on: orders, at: 1 hour after at}
outcome:
  name: again
  entity: customer
  from: orders
  value: count(*) > 0
  within: 2 days
success: {metric: roc_auc, at_least: 0.6}
split: {test_from: 2024-01-02, gap: 2 days}
";

const MODEL: &str = "name: spend
meaning: How likely it is that a customer orders again
owner: sam
question: comes_back
notebook: notebook.ipynb
lock: requirements.lock
";

const NOTEBOOK: &str = r#"{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
 {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": null, "source": ["import tandem"]}]}"#;

/// The shop's folder.
pub fn shop() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("tandem.yaml", TEAM),
        ("sources/orders.odcs.yaml", ORDERS),
        ("features/customer.yaml", FEATURES),
        ("questions/comes_back.yaml", QUESTION),
        ("models/spend/model.yaml", MODEL),
        ("models/spend/notebook.ipynb", NOTEBOOK),
        ("models/spend/requirements.lock", LOCK),
        ("orders.csv", RECORDS),
    ];
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    folder
}

/// Writes a file, with the folders above it.
pub fn write(base: &Path, path: &str, text: &str) {
    let path = base.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
