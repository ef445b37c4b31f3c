def _tandem():
    import os
    import sys

    folder = os.environ["TANDEM_RECORDER"]
    sys.path.insert(0, folder)
    try:
        import tandem_recorder
    finally:
        sys.path.remove(folder)
    tandem_recorder.start(get_ipython())


_tandem()
del _tandem
