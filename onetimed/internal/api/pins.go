package api

import _ "github.com/danielgtaylor/huma/v2"
