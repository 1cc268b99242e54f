// This file lets functions be declared here that the runtime has (block.go).
