from . import account_documents
