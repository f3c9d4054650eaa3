"""What several kinds of places need alike, as sentences for whoever adds one."""

BYTES_LIE_THERE = (
    "No bytes of a version are sent: each lies in a folder of the place of the bytes that is named by its digest."
)
SHARED_FOLDERS = (
    "The operator names the folders that are shared with serving places in MRM_CONNECTOR_FOLDERS; there are none until"
    " then."
)
ROWS_ARE_REMOVED = (
    "Rows and scores of a batch are removed when it has ended. A store with versions or soft delete keeps them; switch"
    " both off where they lie."
)
