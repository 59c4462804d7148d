"""numba's private API: what to check when numba changes."""

import tomllib

import numba
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.version import Version

PRIVATE_API = """
cjsim/kernel.py
  the option _nrt=False of njit (no reference counting), forceinline, error_model="numpy", boundscheck
  numba.core.config: CACHE_DIR is read when a function is decorated; BOUNDSCHECK, OPT, DISABLE_JIT
  Dispatcher._cache, FunctionCache._cache_file, _impl.filename_base and _impl.locator.get_source_stamp (kernel)
cjsim/kernel_cache.py
  numba.core.caching.IndexDataCacheFile: its constructor, load, save, _load_index, _save_index, _load_data, _save_data, _data_name,
  _data_name_pattern (with {{number:d}}), _data_path, _open_for_write, _cache_path, _index_path, _source_stamp; serialize.dumps
cjsim/frame.py
  numba.core.config.DISABLE_JIT, numba.np.numpy_support
  numba.core.datamodel.models: PrimitiveModel, StructModel
  numba.core.typing: signature, AbstractTemplate, AttributeTemplate, infer_getattr, infer_global; an instance's type is its _numba_type_
  numba.core.cgutils: create_struct_proxy, unpack_tuple, if_unlikely, is_not_null
  lowering: context.get_data_type, make_tuple, pack_value, unpack_value, enable_boundscheck, fndesc, subtarget(enable_nrt=True)
  context.call_conv.return_dynamic_user_exc
  llvmlite.ir: pointers with types, gep, the metadata invariant.load
"""
REMEDY = f"""
1. Read numba's notes on what changed in:{PRIVATE_API}
2. Run `make test-all`; it includes the debug build and the rules without the JIT.
3. Compare `make bench` before and after.
4. Raise the cap of numba in pyproject.toml by one minor version, and run `make lock`.
"""


def numba_requirement() -> Requirement:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return next(Requirement(text) for text in project["dependencies"] if Requirement(text).name == "numba")


def test_installed_numba_version_is_supported() -> None:
    wanted = numba_requirement()
    assert wanted.specifier.contains(numba.__version__), f"numba {numba.__version__} is not {wanted}.\n{REMEDY}"


def test_cap_is_the_next_minor_version_after_the_locked_one() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    locked = next(Version(line.split("==")[1].split()[0]) for line in lines if line.startswith("numba=="))
    caps = [item.version for item in numba_requirement().specifier if item.operator == "<"]
    assert caps == [f"{locked.major}.{locked.minor + 1}"], f"numba {locked} is locked.\n{REMEDY}"
