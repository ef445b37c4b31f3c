//! Which files a notebook reads and writes: the readers and writers of the libraries of data science.
//! Not here: whether the files are there.

use ruff_python_ast::Expr;
use ruff_text_size::Ranged;

use crate::calls::{Call, calls};
use crate::constants::Constants;
use crate::facts::{FileHow, FileUse};
use crate::program::Program;

use FileHow::{Read, Write};

/// Functions by their full name: how, the position of the path, its keywords.
const FUNCTIONS: &[(&str, FileHow, usize, &[&str])] = &[
    ("numpy.load", Read, 0, &["file"]),
    ("numpy.loadtxt", Read, 0, &["fname"]),
    ("numpy.genfromtxt", Read, 0, &["fname"]),
    ("numpy.fromfile", Read, 0, &["file"]),
    ("numpy.memmap", Read, 0, &["filename"]),
    ("numpy.save", Write, 0, &["file"]),
    ("numpy.savez", Write, 0, &["file"]),
    ("numpy.savez_compressed", Write, 0, &["file"]),
    ("numpy.savetxt", Write, 0, &["fname"]),
    ("joblib.load", Read, 0, &["filename"]),
    ("joblib.dump", Write, 1, &["filename"]),
    ("sklearn.externals.joblib.load", Read, 0, &["filename"]),
    ("sklearn.externals.joblib.dump", Write, 1, &["filename"]),
    ("torch.load", Read, 0, &["f"]),
    ("torch.save", Write, 1, &["f"]),
    ("geopandas.read_file", Read, 0, &["filename"]),
    ("geopandas.read_parquet", Read, 0, &["path"]),
    ("geopandas.read_feather", Read, 0, &["path"]),
    ("pyarrow.parquet.read_table", Read, 0, &["source"]),
    ("pyarrow.parquet.ParquetFile", Read, 0, &["source"]),
    ("pyarrow.parquet.write_table", Write, 1, &["where"]),
    ("pyarrow.csv.read_csv", Read, 0, &["input_file"]),
    ("pyarrow.feather.read_feather", Read, 0, &["source"]),
    ("sqlite3.connect", Read, 0, &["database"]),
    ("scipy.io.loadmat", Read, 0, &["file_name"]),
    ("scipy.io.savemat", Write, 0, &["file_name"]),
    ("scipy.io.wavfile.read", Read, 0, &["filename"]),
    ("scipy.sparse.load_npz", Read, 0, &["file"]),
    ("scipy.sparse.save_npz", Write, 0, &["file"]),
    ("cv2.imread", Read, 0, &["filename"]),
    ("cv2.imwrite", Write, 0, &["filename"]),
    ("PIL.Image.open", Read, 0, &["fp"]),
    ("matplotlib.image.imread", Read, 0, &["fname"]),
    ("matplotlib.pyplot.imread", Read, 0, &["fname"]),
    ("matplotlib.pyplot.savefig", Write, 0, &["fname"]),
    ("skimage.io.imread", Read, 0, &["fname"]),
    ("imageio.imread", Read, 0, &["uri"]),
    ("imageio.v2.imread", Read, 0, &["uri"]),
    ("xarray.open_dataset", Read, 0, &["filename_or_obj"]),
    ("xarray.open_dataarray", Read, 0, &["filename_or_obj"]),
    ("xarray.load_dataset", Read, 0, &["filename_or_obj"]),
    ("netCDF4.Dataset", Read, 0, &["filename"]),
    ("h5py.File", Read, 0, &["name"]),
    ("nibabel.load", Read, 0, &["filename"]),
    ("librosa.load", Read, 0, &["path"]),
    ("soundfile.read", Read, 0, &["file"]),
    ("rasterio.open", Read, 0, &["fp"]),
    ("fiona.open", Read, 0, &["fp"]),
    ("pydicom.dcmread", Read, 0, &["fp"]),
    ("keras.models.load_model", Read, 0, &["filepath"]),
    ("tensorflow.keras.models.load_model", Read, 0, &["filepath"]),
    ("networkx.read_gml", Read, 0, &["path"]),
    ("networkx.read_graphml", Read, 0, &["path"]),
    ("networkx.read_edgelist", Read, 0, &["path"]),
    ("networkx.read_gpickle", Read, 0, &["path"]),
    ("zipfile.ZipFile", Read, 0, &["file"]),
    ("tarfile.open", Read, 0, &["name"]),
    ("gzip.open", Read, 0, &["filename"]),
    ("bz2.open", Read, 0, &["filename"]),
    ("lzma.open", Read, 0, &["filename"]),
    ("codecs.open", Read, 0, &["filename"]),
    ("io.open", Read, 0, &["file"]),
    ("open", Read, 0, &["file"]),
    ("pandas.HDFStore", Read, 0, &["path"]),
    ("pandas.ExcelFile", Read, 0, &["path_or_buffer", "io"]),
    ("pandas.ExcelWriter", Write, 0, &["path"]),
    ("datatable.fread", Read, 0, &["file"]),
    ("vaex.open", Read, 0, &["path"]),
    ("fastparquet.ParquetFile", Read, 0, &["fn"]),
    ("duckdb.read_csv", Read, 0, &[]),
    ("duckdb.read_parquet", Read, 0, &[]),
    ("urllib.request.urlretrieve", Write, 1, &["filename"]),
    ("urllib.urlretrieve", Write, 1, &["filename"]),
];

/// The readers of pandas, polars, dask and modin that take a file first.
const TABLES: &[&str] = &[
    "read_csv",
    "read_table",
    "read_parquet",
    "read_excel",
    "read_json",
    "read_pickle",
    "read_feather",
    "read_hdf",
    "read_fwf",
    "read_stata",
    "read_sas",
    "read_spss",
    "read_orc",
    "read_xml",
    "read_ndjson",
    "read_ipc",
    "read_avro",
    "scan_csv",
    "scan_parquet",
    "scan_ndjson",
    "scan_ipc",
    "read_html",
];
const TABLE_LIBRARIES: &[&str] = &["pandas", "polars", "dask.dataframe", "modin.pandas", "cudf", "pyspark.pandas"];
const PATH_KEYWORDS: &[&str] = &[
    "filepath_or_buffer",
    "path",
    "io",
    "path_or_buf",
    "source",
    "filepath",
    "fname",
    "path_or_buffer",
    "filename",
    "excel_writer",
];

/// Methods of frames, figures and arrays that write a file.
const WRITERS: &[&str] = &[
    "to_csv",
    "to_parquet",
    "to_pickle",
    "to_json",
    "to_excel",
    "to_feather",
    "to_hdf",
    "to_file",
    "to_stata",
    "to_orc",
    "to_xml",
    "to_html",
    "to_latex",
    "to_markdown",
    "to_netcdf",
    "to_zarr",
    "savefig",
    "write_csv",
    "write_parquet",
    "write_json",
    "write_ndjson",
    "write_ipc",
    "write_excel",
    "write_html",
    "write_image",
    "sink_parquet",
    "sink_csv",
    "save_model",
    "save_weights",
    "tofile",
    "save",
];

/// Every use of a file, in the order of the text.
pub fn file_uses(program: &Program) -> Vec<FileUse> {
    let constants = Constants::new(program);
    let mut uses: Vec<FileUse> = calls(program).iter().filter_map(|call| file_use(program, &constants, call)).collect();
    for cell in &program.cells {
        if cell.magic() != Some("writefile") {
            continue;
        }
        let first = cell.source.lines().find(|line| line.trim_start().starts_with("%%")).unwrap_or("");
        let path = first.split_whitespace().skip(1).find(|word| !word.starts_with('-')).map(str::to_owned);
        let call = "%%writefile".to_owned();
        let (cell, line, start, end) = (cell.number, 1, 0, first.len());
        uses.push(FileUse { path, how: Write, call, cell, line, start, end, guarded: false, in_function: false });
    }
    uses.sort_by_key(|one| (one.cell, one.start));
    uses
}

fn file_use(program: &Program, constants: &Constants<'_>, call: &Call<'_>) -> Option<FileUse> {
    let (how, path) = path_of(program, call)?;
    // An open file, a buffer or a response is no path.
    if matches!(path, Expr::Call(inner) if !matches!(program.dotted(&inner.func).as_deref(), Some("os.path.join" | "pathlib.Path" | "str" | "Path")))
    {
        return None;
    }
    let text = constants.text(call.cell, path).filter(|text| text != ":memory:" || how == Write);
    if call.method == "save" && !call.name.starts_with("numpy") && text.is_none()
        || text.is_none() && matches!(path, Expr::StringLiteral(_))
    {
        return None;
    }
    Some(FileUse {
        path: text,
        how,
        call: if call.name.is_empty() || how == Write { call.method.to_owned() } else { call.name.clone() },
        cell: program.cells[call.cell].number,
        line: program.line(call.cell, call.expr),
        start: call.expr.start().to_usize(),
        end: call.expr.end().to_usize(),
        guarded: call.guarded,
        in_function: call.in_function,
    })
}

fn path_of<'a>(program: &Program, call: &Call<'a>) -> Option<(FileHow, &'a Expr)> {
    let argument = |position: usize, keywords: &[&str]| {
        let named = keywords.iter().find_map(|keyword| call.keyword(keyword));
        named.or_else(|| call.expr.arguments.find_positional(position))
    };
    if let Some((name, how, position, keywords)) = FUNCTIONS.iter().find(|one| one.0 == call.name) {
        let path = argument(*position, keywords)?;
        let mode_at = if *name == "h5py.File" || name.ends_with("open") || name.ends_with("ZipFile") { 1 } else { 9 };
        return Some((mode(call, mode_at).unwrap_or(*how), path));
    }
    if call.method == "ModelCheckpoint" {
        return Some((Write, argument(0, &["filepath"])?));
    }
    let library = call.name.strip_suffix(call.method).and_then(|prefix| prefix.strip_suffix('.'));
    if TABLES.contains(&call.method) && library.is_some_and(|library| TABLE_LIBRARIES.contains(&library)) {
        return Some((Read, argument(0, PATH_KEYWORDS)?));
    }
    let receiver = call.receiver()?;
    if WRITERS.contains(&call.method) {
        return Some((Write, argument(0, PATH_KEYWORDS)?));
    }
    // `Path(...)` or `folder / name`, opened.
    let is_path = match receiver {
        Expr::BinOp(_) => true,
        Expr::Call(inner) => matches!(program.dotted(&inner.func).as_deref(), Some("pathlib.Path" | "Path")),
        _ => false,
    };
    match call.method {
        "read_text" | "read_bytes" if is_path => Some((Read, receiver)),
        "write_text" | "write_bytes" if is_path => Some((Write, receiver)),
        "open" if is_path => Some((mode(call, 0).unwrap_or(Read), receiver)),
        _ => None,
    }
}

/// What the mode argument says: reading, or any kind of writing.
fn mode(call: &Call<'_>, position: usize) -> Option<FileHow> {
    let mode = call.argument("mode", position)?.as_string_literal_expr()?.value.to_str();
    let writes = mode.contains(['w', 'a', 'x']);
    Some(if writes { Write } else { Read })
}
