// net-snmp's library (Debian: libsnmp-dev), for the C of CSNMP; Swift sees CSNMP.h only.
