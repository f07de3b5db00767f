from . import request_download
